"""Networks that give scores of users and items."""
