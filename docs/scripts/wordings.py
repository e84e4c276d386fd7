"""Which texts an expression may be, from the source; "…" is what is not known before it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import product

# What the names of one function stand for.
Names = dict[str, list[ast.expr]]

UNKNOWN = "…"
TEXTS = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.IfExp)
# More wordings than this of one message say no more than one with a gap does.
MOST = 24


class Wordings:
    """What names and functions of some modules stand for, where that is text."""

    def __init__(self, trees: Iterable[ast.Module]) -> None:
        """Of the sources of a package; of a name that stands twice, the first."""
        self._constants: dict[str, ast.expr] = {}
        self._returned: dict[str, list[ast.expr]] = {}
        self._calls: dict[str, list[ast.Call]] = {}
        for tree in trees:
            for name, value in _assigned(tree.body):
                self._constants.setdefault(name, value)
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    self._returned.setdefault(node.name, _returns(node))
                if isinstance(node, ast.Call):
                    self._calls.setdefault(_called(node), []).append(node)

    def names(self, function: ast.FunctionDef) -> Names:
        """What names of a function are set to: in it, by default, and at each call of it."""
        found: Names = {}
        for name, value in _assigned(ast.walk(function)):
            found.setdefault(name, []).append(value)
        parameters = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
        for name, value in zip(parameters[::-1], function.args.defaults[::-1], strict=False):
            found.setdefault(name, []).append(value)
        for call in self._calls.get(function.name, []):
            by_name = [(each.arg, each.value) for each in call.keywords if each.arg]
            for name, value in [*zip(parameters, call.args, strict=False), *by_name]:
                if not isinstance(value, ast.Name):
                    found.setdefault(name, []).append(value)
        return found

    def of(self, node: ast.expr, local: Names, depth: int = 4) -> list[str]:
        """All texts that `node` may be; `local`: what names of its function stand for."""
        if not depth:
            return [UNKNOWN]
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.JoinedStr):
            return self._joined([self.of(part, local, depth) for part in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([self.of(side, local, depth) for side in (node.left, node.right)])
        found = [
            text
            for each in self._stands_for(node, local)
            for text in self.of(each, local, depth - 1)
        ]
        # A value that is no sentence (a count, a name) says less than its gap.
        return _few(found) if any(" " in text for text in found) else [UNKNOWN]

    def _stands_for(self, node: ast.expr, local: Names) -> list[ast.expr]:
        if isinstance(node, ast.FormattedValue):
            return [node.value]
        if isinstance(node, ast.IfExp):
            return [node.body, node.orelse]
        if isinstance(node, ast.Name):
            return local.get(node.id) or [each for each in [self._constants.get(node.id)] if each]
        if isinstance(node, ast.Subscript):
            return [v for table in self._stands_for(node.value, local) for v in _values(table)]
        if isinstance(node, ast.Call):
            return self._returned.get(_called(node), [])
        return []

    @staticmethod
    def _joined(parts: list[list[str]]) -> list[str]:
        return _few("".join(words) for words in product(*parts))


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _assigned(body: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value


def _returns(function: ast.FunctionDef) -> list[ast.expr]:
    found = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    # Errors that are returned are read where they are made.
    return [each for each in found if isinstance(each, TEXTS)]


def _values(node: ast.expr) -> list[ast.expr]:
    return list(node.values) if isinstance(node, ast.Dict) else []


def _few(texts: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(texts))
    return found if len(found) <= MOST else [UNKNOWN]
