"""What the tests share: a private PostgreSQL, the seven processes, an HTTP client, the contract."""
