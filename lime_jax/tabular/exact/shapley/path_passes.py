"""Path-dependent values by passes down and up the trees, for blocks of rows, in NumPy.

Where every player is in the coalition with chance t, x is in a leaf with a chance that is a product
over the players on its path: t + (1 - t) r for those whose tests x passes, (1 - t) r for the others
(`covers` says what r is). What a player changes is the derivative by its factor, integrated over t
by a Gauss-Legendre rule, as in `terms`. A test that a path meets again changes one factor; so a
pass down makes the products, a pass up adds leaves, and each edge has a share in its player's value
(Yu et al., "Linear TreeShap", 2022, has such passes for polynomials). It costs as much as the trees
have nodes, times half the players of the longest path, however long that is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Float64, Int, Shaped

from lime_jax.models.structure import TreeSum
from lime_jax.tabular.exact.shapley.codes import Codes, Known
from lime_jax.tabular.exact.shapley.covers import Edges
from lime_jax.tabular.exact.shapley.subtree_tables import Sums
from lime_jax.tabular.exact.shapley.terms import Value, rule

_NODES_AT_ONCE, _ROWS_IN_BLOCK = 512, 64


@dataclasses.dataclass(frozen=True, eq=False)
class Walk:
    """Some trees; nodes come level by level, in each all left children, then all right ones.

    Edges are the nodes but for the roots, each with its parent above.

    Attributes:
        node: in the sum of trees.
        start: first node of each level, and of none.
        inner: of each level, places of the nodes with tests; first those whose players have no test
            above, `fresh` of them.
        parent: of each edge.
        earlier: of each edge, that of the player's last test above; -1: there is none.
        longest: players on a path.
    """

    node: Int[np.ndarray, " nodes"]
    start: tuple[int, ...]
    inner: tuple[Int[np.ndarray, " _"], ...]
    fresh: tuple[int, ...]
    parent: Int[np.ndarray, " edges"]
    earlier: Int[np.ndarray, " edges"]
    longest: int

    @property
    def first(self) -> int:
        """Place of the first edge among the nodes."""
        return self.start[1]

    def levels(self) -> Iterator[tuple[Int[np.ndarray, " _"], slice, slice]]:
        """Places of parents, of their left children, and of the right ones."""
        for inner, start in zip(self.inner, self.start[1:], strict=False):
            middle = start + len(inner)
            yield inner, slice(start, middle), slice(middle, middle + len(inner))


def walk_of(trees: TreeSum, edges: Edges, roots: Int[np.ndarray, " roots"]) -> Walk:
    """Some trees from their roots down."""
    node, start, inner, fresh = roots.astype(np.int64), [0, len(roots)], [], []
    nodes, parents, earlier = [node], [], []
    # On each path: which players were met, and the edge of the last test of each.
    path, last = np.full((2, len(roots), 0), -1)
    while len(split := np.flatnonzero(trees.column[node] >= 0)):
        met = (path[split] == edges.player[trees.left[node[split]], None]).any(1)
        split = split[np.argsort(met, kind="stable")]
        inner.append(start[-2] + split)
        fresh.append(len(split) - int(met.sum()))
        player = edges.player[trees.left[node[split]]]
        path, last = path[split], last[split]
        same = path == player[:, None]
        known = same.any(1)
        slot = np.where(known, same.argmax(1), (path >= 0).sum(1)) if path.size else 0 * split
        if slot.max() == path.shape[1]:
            path, last = (np.pad(of, ((0, 0), (0, 1)), constant_values=-1) for of in (path, last))
        row = np.arange(len(split))
        earlier.append(np.tile(last[row, slot], 2))
        path[row, slot] = player
        path, last = np.tile(path, (2, 1)), np.tile(last, (2, 1))
        edge = start[-1] - start[1] + np.arange(2 * len(split))
        last[np.arange(len(last)), np.tile(slot, 2)] = edge
        parents.append(np.tile(inner[-1], 2))
        node = np.concatenate([trees.left[node[split]], trees.right[node[split]]]).astype(np.int64)
        nodes.append(node)
        start.append(start[-1] + len(node))
    none = np.zeros(0, np.int64)
    return Walk(
        np.concatenate(nodes),
        tuple(start),
        tuple(inner),
        tuple(fresh),
        np.concatenate([none, *parents]),
        np.concatenate([none, *earlier]),
        path.shape[1],
    )


@dataclasses.dataclass(frozen=True, eq=False)
class PathPass:
    """Some trees, and what their rows are multiplied and added up with.

    Attributes:
        factor: by t, what the products down the path change by: where x fails; more, where it
            passes the player's earlier tests; more, where it passes this one too.
        slope: by t, what an edge adds to its player's value, in the last two cases.
        leaf: places of the leaves; of each its `value` by output.
        by_target: edges by the sum that they add to, `target`; `run` is the first edge of each.
        hidden: share of each edge, where everybody is hidden; of held columns NaN.
        rest: sum of each leaf for what the trees say of no coalition.
    """

    walk: Walk
    codes: Codes
    sums: Sums
    factor: Float[np.ndarray, "3 edges chances 1"]
    slope: Float[np.ndarray, "edges 2 chances"]
    leaf: Int[np.ndarray, " leaves"]
    value: Float[np.ndarray, "leaves width"]
    by_target: Int[np.ndarray, " some"]
    target: Int[np.ndarray, " targets"]
    run: Int[np.ndarray, " targets"]
    hidden: Float[np.ndarray, " edges"]
    rest: Int[np.ndarray, " leaves"]

    @property
    def steps(self) -> int:
        """Nodes, for each chance."""
        return len(self.walk.node) * self.slope.shape[2]

    def ready(self) -> PathPass:
        """Nothing is to be made."""
        return self

    def __call__(self, total: Shaped[np.ndarray, "sums rows"], known: Known) -> None:
        """Add the values of some rows."""
        of_rows, some_missing = known
        for start in range(0, of_rows.shape[1], _ROWS_IN_BLOCK):
            some = slice(start, start + _ROWS_IN_BLOCK)
            self._add(total[:, some], (of_rows[:, some], some_missing))

    def _add(self, total: np.ndarray, known: Known) -> None:
        outcome = self._outcomes(known)
        passed = self._passed(outcome)
        products = self._down(passed)
        for number in range(self.sums.width):
            below = self._up(products, number)[self.walk.first :]
            both = np.matmul(self.slope, below)
            values = both[:, 0] * passed[0] + both[:, 1] * passed[1]
            place = self.target + number * self.sums.each
            if len(place):
                total[place] += np.add.reduceat(values[self.by_target], self.run)
            if self.sums.any_held:
                self._add_rest(total, outcome, number)

    def _outcomes(self, known: Known) -> Float[np.ndarray, "edges rows"]:
        """Whether rows pass the test of each edge."""
        of_rows, some_missing = known
        walk, codes = self.walk, self.codes
        outcome = np.empty((len(walk.parent), of_rows.shape[1]), self.value.dtype)
        for inner, left, right in walk.levels():
            test = walk.node[inner]
            place = codes.place[test]
            if some_missing:
                place = place + codes.when_right[test]
            goes_right = of_rows[place] > codes.most[test, None]
            outcome[right.start - walk.first : right.stop - walk.first] = goes_right
            outcome[left.start - walk.first : left.stop - walk.first] = ~goes_right
        return outcome

    def _passed(self, outcome: np.ndarray) -> Float[np.ndarray, "2 edges rows"]:
        """Whether rows pass all of the player's earlier tests, and this one too."""
        walk = self.walk
        passed = np.ones((2, len(outcome) + 1, outcome.shape[1]), outcome.dtype)  # behind: no edge
        for _, left, right in walk.levels():
            level = slice(left.start - walk.first, right.stop - walk.first)
            passed[0, level] = passed[1, walk.earlier[level]]
            passed[1, level] = passed[0, level] * outcome[level]
        return passed[:, :-1]

    def _down(self, passed: np.ndarray) -> Float[np.ndarray, "nodes chances rows"]:
        """Products over the players on the path to each node."""
        walk, (fails, earlier, met) = self.walk, self.factor
        products = np.ones((len(walk.node), fails.shape[1], passed.shape[2]), met.dtype)
        for (inner, left, right), fresh in zip(walk.levels(), walk.fresh, strict=True):
            above = products[inner]
            for side in (left, right):
                edge = slice(side.start - walk.first, side.stop - walk.first)
                again = slice(edge.start + fresh, edge.stop)
                change = np.multiply(met[edge], passed[1, edge, None], out=products[side])
                change += fails[edge]
                if fresh < len(inner):
                    change[fresh:] += earlier[again] * passed[0, again, None]
                change *= above
        return products

    def _up(self, products: np.ndarray, number: int) -> Float[np.ndarray, "nodes chances rows"]:
        """Sums over the leaves below each node, of one of the outputs; the last one in place."""
        below = products if number == self.sums.width - 1 else products.copy()
        below[self.leaf] *= self.value[:, number, None, None]
        for inner, left, right in reversed(list(self.walk.levels())):
            below[inner] = below[left] + below[right]
        return below

    def _add_rest(self, total: np.ndarray, outcome: np.ndarray, number: int) -> None:
        """What the trees say where only the held columns are known."""
        walk = self.walk
        reach = np.ones((len(walk.node), outcome.shape[1]), outcome.dtype)
        share = np.where(np.isnan(self.hidden)[:, None], outcome, self.hidden[:, None])
        for inner, left, right in walk.levels():
            for side in (left, right):
                edge = slice(side.start - walk.first, side.stop - walk.first)
                np.multiply(reach[inner], share[edge], out=reach[side])
        values = reach[self.leaf] * self.value[:, number, None]
        np.add.at(total, self.rest + number * self.sums.each, values)


def path_passes(
    trees: TreeSum, edges: Edges, codes: Codes, sums: Sums, value: Value, kind: np.dtype
) -> tuple[list[PathPass], Float64[np.ndarray, " outputs"]]:
    """Passes over all trees, some of them after the other, and the outputs of no coalition."""
    roots = np.sort(trees.roots)
    part = np.cumsum(np.diff(np.append(roots, len(trees.column)))) // _NODES_AT_ONCE
    grown = trees.column[roots] >= 0
    roots, part = roots[grown], part[grown]
    walks = [walk_of(trees, edges, roots[part == number]) for number in np.unique(part)]
    made = [_made(walk, trees, edges, codes, sums, value, kind) for walk in walks]
    expected = np.zeros(trees.num_outputs)
    for one in made:
        share = np.ones(len(one.walk.node))
        for inner, left, right in one.walk.levels():
            for side in (left, right):
                share[side] = share[inner] * edges.share[one.walk.node[side]]
        node = one.walk.node[one.leaf]
        for number in range(sums.width):
            np.add.at(
                expected, sums.output[node] + number, trees.value[node, number] * share[one.leaf]
            )
    return made, expected


def _made(
    walk: Walk,
    trees: TreeSum,
    edges: Edges,
    codes: Codes,
    sums: Sums,
    value: Value,
    kind: np.dtype,
) -> PathPass:
    node = walk.node[walk.first :]
    held = edges.player[node] == sums.num_players
    target = sums.output[node] * sums.each + edges.player[node]
    by_target = np.argsort(target, kind="stable")
    by_target = by_target[~held[by_target]]
    targets, run = np.unique(target[by_target], return_index=True)
    leaf = np.flatnonzero(trees.column[walk.node] < 0)
    factor, slope = _by_chance(walk, edges.share[node], held, value)
    return PathPass(
        walk,
        codes,
        sums,
        factor.astype(kind),
        slope.astype(kind),
        leaf,
        trees.value[walk.node[leaf]].astype(kind),
        by_target,
        targets,
        run,
        np.where(held, np.nan, edges.share[node]).astype(kind),
        sums.output[walk.node[leaf]] * sums.each + sums.num_players,
    )


def _by_chance(
    walk: Walk, share: np.ndarray, held: np.ndarray, value: Value
) -> tuple[np.ndarray, np.ndarray]:
    """`factor` and `slope` of edges."""
    t, weight = rule(value, walk.longest)
    chance, fresh = np.ones(len(share) + 1), walk.earlier < 0  # the last one is of no edge
    for _, left, right in walk.levels():
        level = slice(left.start - walk.first, right.stop - walk.first)
        chance[level] = share[level] * chance[walk.earlier[level]]
    before = np.where(fresh, 1, chance[walk.earlier])[:, None]
    now = chance[:-1, None]
    # Of a player whose tests are passed; without an earlier test there is no factor before.
    passes, passed = t + (1 - t) * now, np.where(fresh[:, None], 1, t + (1 - t) * before)
    fails = (1 - t) * now / passed
    still_fails = np.where(fresh[:, None], fails, share[:, None])
    factor = np.stack([still_fails, fails - still_fails, passes / passed - fails])
    gains, loses = (1 - now) / passes, -1 / (1 - t)
    gained = np.where(fresh[:, None], 0, (1 - before) / passed)
    slope = np.stack([loses - gained, gains - loses], axis=1) * weight
    factor[:, held] = np.array([0, 0, 1])[:, None, None]
    slope[held] = 0
    return factor[..., None], slope
