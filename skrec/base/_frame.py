"""Names that `skrec.engine` still imports from here."""

from skrec.data._histories import in_order_of_users, take, take_some

__all__ = ["in_order_of_users", "take", "take_some"]
