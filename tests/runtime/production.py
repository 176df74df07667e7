"""The settings that production needs."""

PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://db/backhaul",
    "JWT_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----",
    "REFRESH_KEY": "5e4b0a7c91d23f68" * 2,
    "ENCRYPTION_KEY": "c07d1f9ea4b83652" * 2,
    "AUDIT_SIGNING_KEY": "-----BEGIN PRIVATE KEY-----x",
}
