"""Facts: products, locations, suppliers, sales, stock, prices."""
