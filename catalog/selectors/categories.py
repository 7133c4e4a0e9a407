"""The tree of categories."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.models import Category


def categories_under(roots: Sequence[int]) -> dict[int, frozenset[int]]:
    """Each of these categories with all that are under it."""
    children: dict[int | None, list[int]] = {}
    for pk, parent in Category.objects.order_by().values_list("pk", "parent_id"):
        children.setdefault(parent, []).append(pk)
    result = {}
    for root in roots:
        branch, waiting = {root}, [root]
        while waiting:
            new = [child for child in children.get(waiting.pop(), []) if child not in branch]
            branch.update(new)
            waiting.extend(new)
        result[root] = frozenset(branch)
    return result


def category_ancestors() -> list[tuple[int, int]]:
    """Pairs of a category and what it is under, itself among them."""
    parents = dict(Category.objects.order_by().values_list("pk", "parent_id"))
    pairs = []
    for category in parents:
        above: int | None = category
        seen: set[int] = set()
        while above is not None and above not in seen:
            seen.add(above)
            pairs.append((category, above))
            above = parents.get(above)
    return pairs
