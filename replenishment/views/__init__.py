"""The buyer's pages: home, workbench, SKU, purchase orders."""
