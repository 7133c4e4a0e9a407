"""Orders: policies, plans, purchase orders, receipts."""
