"""Saying something about a product at a location, and taking it back."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from catalog.models import Location, Product
from replenishment.models import Comment
from replenishment.models.comments import COMMENT_LENGTH
from replenishment.services.errors import CommentError
from replenishment.services.orders import permission_require


def comment_add(*, product: Product, location: Location, text: str, acting_user: User) -> Comment:
    """Say it. Raises CommentError for nothing, or for too much; PermissionDenied."""
    permission_require(acting_user, "add_comment")
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if not text:
        raise CommentError(_("Write something first."))
    if len(text) > COMMENT_LENGTH:
        raise CommentError(
            _("At most %(most)d characters: this has %(n)d.") % {"most": COMMENT_LENGTH, "n": len(text)}
        )
    return Comment.objects.create(product=product, location=location, author=acting_user, text=text)


def comment_delete(*, comment: Comment, acting_user: User) -> None:
    """Take one's own back, or with the permission to delete comments anybody's. Raises PermissionDenied."""
    own = comment.author_id == acting_user.pk
    permission_require(acting_user, "add_comment" if own else "delete_comment")
    comment.delete()
