"""Templates that lie in a package of this library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(package: str, **settings: Any) -> Environment:
    """Where the templates of a package are found: every value is escaped for HTML, and none may be missing.

    Parameters
    ----------
    package : str
        Its folder `templates` is looked in.
    **settings
        Of Jinja2's `Environment`, in place of these.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    usual: dict[str, Any] = {
        "autoescape": True,
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    return Environment(loader=PackageLoader(package), **usual | settings)  # noqa: S701 - on, unless it is no HTML
