"""Plans, suggestions and purchase orders in the API."""
