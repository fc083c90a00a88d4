"""Names of an answer's columns: what is made beside a feature must not take the place of something else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .errors import InvalidArgument


class FullNames(list[str]):
    """Features by their full names, `group__feature`: there is no longer one that could tell them apart."""


class AnswerNames:
    """The features of an answer, and what stands beside them."""

    def __init__(self, features: Sequence[str], others: Collection[str], others_are: str) -> None:
        """`others` are the columns before the features: keys, or those of a spine."""
        self._features = features
        self._others = others
        self._others_are = others_are
        self._is_full = isinstance(features, FullNames)
        # Whether there is a clash, by what is asked for: a get is made many times.
        self._is_clear: set[tuple[bool, bool]] = set()

    def refuse_clashes(self, *, statuses: bool = False, event_times: bool = False) -> None:
        """Refuses an answer in which two columns have one name.

        Raises:
            InvalidArgument: names both, and what to do.
        """
        if (statuses, event_times) not in self._is_clear:
            self._refuse(statuses, event_times)
            self._is_clear.add((statuses, event_times))

    def _refuse(self, statuses: bool, event_times: bool) -> None:
        taken = dict.fromkeys(self._others, self._others_are)
        for name in self._features:
            if name in taken:
                raise InvalidArgument(f"'{name}' is a {taken[name]} and a feature: {self._way_out(taken[name])}")
            taken[name] = "feature"
        for suffix, is_made in (("status", statuses), ("event_time", event_times)):
            for feature in self._features:
                name = f"{feature}__{suffix}"
                if is_made and name in taken:
                    left_out = "statuses" if suffix == "status" else "event_times"
                    raise InvalidArgument(
                        f"'{name}' would be the {suffix.replace('_', ' ')} of '{feature}' and is a {taken[name]}: "
                        f"{self._way_out(taken[name])}, or leave {left_out}= out"
                    )
                if is_made:
                    taken[name] = f"column that is made beside '{feature}'"

    def _way_out(self, other: str) -> str:
        alias = "give the feature another name in a feature service"
        if other == "feature":
            return "ask for it by itself, or give it another name in a feature service"
        if self._is_full:
            # Names that a service gives stand in answers without full names.
            alias = f"leave full_feature_names= out and {alias}"
            return f"rename the spine's, or {alias}" if other == "column of the spine" else alias
        if other == "column of the spine":
            return "rename the spine's, or ask with full_feature_names=True"
        return f"ask with full_feature_names=True, or {alias}"
