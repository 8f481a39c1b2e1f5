"""What the source of a project's ASGI module tells of its application, without importing it."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import Self


class AsgiModule:
    """The names of a module and what its top level gave them last.

    What stands under `if`, `try` and the like, or comes by `import *`, is not followed: then nothing is certain.
    """

    def __init__(self, source: ast.Module) -> None:
        self._values: dict[str, ast.expr | None] = {}  # None: imported, defined, or part of something
        self._certain = True
        for statement in source.body:
            self._read(statement)

    @classmethod
    def find(cls, name: str) -> Self | None:
        """The module of that dotted name; None where there is none. Finding it imports the packages that it is in."""
        if name in sys.modules:
            origin = getattr(sys.modules[name], "__file__", None)
        else:
            try:
                spec = importlib.util.find_spec(name)
            except (ImportError, ValueError):
                return None
            if spec is None:
                return None
            origin = spec.origin
        try:
            return cls(ast.parse(Path(origin or "").read_text()))
        except (OSError, SyntaxError, UnicodeDecodeError):  # compiled, or in an archive
            return cls(ast.Module(body=[ast.Pass()], type_ignores=[]))

    def has(self, name: str) -> bool:
        """Whether the module may have the name."""
        return name in self._values or not self._certain

    def is_django_alone(self, name: str) -> bool:
        """Whether it is certain that the name is what `get_asgi_application()` gave."""
        return self._certain and self._comes_from_django(ast.Name(name))

    def leaves_polling_to_django(self, name: str) -> bool:
        """Whether it is certain that the name routes WebSockets somewhere, and all HTTP to Django."""
        match self._values.get(name):
            case ast.Call(func=ast.Name(id="ProtocolTypeRouter"), args=[ast.Dict(keys=keys, values=values)]):
                protocols = [key.value if isinstance(key, ast.Constant) else None for key in keys]
                routes = dict(zip(protocols, values, strict=True))
                return self._certain and "websocket" in routes and self._comes_from_django(routes.get("http"))
        return False

    def _comes_from_django(self, value: ast.expr | None) -> bool:
        followed: set[str] = set()
        while isinstance(value, ast.Name) and value.id not in followed:
            followed.add(value.id)
            value = self._values.get(value.id)
        match value:
            case ast.Call(func=ast.Name(id="get_asgi_application")):
                return True
        return False

    def _read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    for node in ast.walk(target):
                        if isinstance(node, ast.Name):
                            self._values[node.id] = value if node is target else None
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                self._values[name] = value
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    self._certain &= alias.name != "*"
                    self._values[alias.asname or alias.name.partition(".")[0]] = None
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self._values[name] = None
            case ast.Expr():
                pass  # a docstring, or a call such as os.environ.setdefault
            case _:
                self._certain = False
