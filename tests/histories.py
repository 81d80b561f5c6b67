"""Whether a history of transactions on lists could have happened one transaction after the other.

Each write appends its own name to the list of each key that it touches, so that a list tells the order of its writers,
and what a read saw tells between which two of them it stood. Every such fact is an edge "before"; the history is
serializable if no chain of them comes back to its beginning.
"""

from collections import defaultdict


class Contradiction(AssertionError):
    pass


def orders(reads, finals):
    """The order of each key's writers: the longest list that anybody saw, of which every other is a beginning."""
    longest = {key: list(values) for key, values in finals.items()}
    for _, seen in reads:
        for key, values in seen.items():
            known = longest.setdefault(key, [])
            shorter, longer = sorted((known, list(values)), key=len)
            if longer[: len(shorter)] != shorter:
                raise Contradiction(f"{key}: {values} and {known} are no beginnings of one list")
            longest[key] = longer
    return longest


def edges(writes, reads, finals):
    """writes: {name: keys}; reads: [(name, {key: list})]; finals: {key: list}."""
    after = defaultdict(set)
    order = orders(reads, finals)
    for key, writers in order.items():
        if len(set(writers)) != len(writers):
            raise Contradiction(f"{key}: somebody wrote twice: {writers}")
        for writer in writers:
            if key not in writes.get(writer, ()):
                raise Contradiction(f"{key}: {writer} was never asked to write it")
        for first, second in zip(writers, writers[1:], strict=False):
            after[first].add(second)
    for name, seen in reads:
        for key, values in seen.items():
            if values:
                after[values[-1]].add(name)
            writers = order[key]
            if len(values) < len(writers):
                after[name].add(writers[len(values)])
    return after


def check(writes, reads, finals):
    """Raises Contradiction where the history is not serializable."""
    after = edges(writes, reads, finals)
    written = {key: set(values) for key, values in finals.items()}
    for name, keys in writes.items():
        there = [key for key in keys if name in written.get(key, ())]
        if there and len(there) != len(keys):
            raise Contradiction(f"{name} wrote only {there} of {keys}")
    waiting = defaultdict(int)
    for seconds in after.values():
        for second in seconds:
            waiting[second] += 1
    names = set(after) | set(waiting)
    free = [name for name in names if not waiting[name]]
    done = 0
    while free:
        name = free.pop()
        done += 1
        for second in after[name]:
            waiting[second] -= 1
            if not waiting[second]:
                free.append(second)
    if done != len(names):
        raise Contradiction(f"a circle among {sorted(name for name in names if waiting[name])}")
