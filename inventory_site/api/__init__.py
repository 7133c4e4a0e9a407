"""What all of the API shares: permissions, paging, problem details, idempotent writes, addresses."""
