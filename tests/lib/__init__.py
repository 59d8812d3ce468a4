"""What the tests share: a private PostgreSQL, the six processes, an HTTP client, the contract."""
