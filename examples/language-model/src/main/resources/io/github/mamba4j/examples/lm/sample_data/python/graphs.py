"""Walks and shortest paths in graphs."""

import heapq
from collections import deque


class Graph:
    """A directed graph with weights on its edges."""

    def __init__(self):
        self.edges = {}

    def add_node(self, node):
        self.edges.setdefault(node, {})

    def add_edge(self, start, end, weight=1):
        if weight < 0:
            raise ValueError(f"the weight must not be negative, got {weight}")
        self.add_node(start)
        self.add_node(end)
        self.edges[start][end] = weight

    def neighbours(self, node):
        return self.edges[node].items()


def breadth_first(graph, start):
    """Yield the nodes in the order of their distance in edges."""
    seen = {start}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        yield node
        for neighbour, _ in graph.neighbours(node):
            if neighbour not in seen:
                seen.add(neighbour)
                queue.append(neighbour)


def shortest_paths(graph, start):
    """Return the distance to every node that can be reached (Dijkstra)."""
    distances = {start: 0}
    heap = [(0, start)]
    while heap:
        distance, node = heapq.heappop(heap)
        if distance > distances[node]:
            continue
        for neighbour, weight in graph.neighbours(node):
            candidate = distance + weight
            if candidate < distances.get(neighbour, float("inf")):
                distances[neighbour] = candidate
                heapq.heappush(heap, (candidate, neighbour))
    return distances


def topological_order(graph):
    """Return the nodes so that every edge points forward."""
    incoming = {node: 0 for node in graph.edges}
    for node in graph.edges:
        for neighbour, _ in graph.neighbours(node):
            incoming[neighbour] += 1
    ready = [node for node, count in incoming.items() if count == 0]
    order = []
    while ready:
        node = ready.pop()
        order.append(node)
        for neighbour, _ in graph.neighbours(node):
            incoming[neighbour] -= 1
            if incoming[neighbour] == 0:
                ready.append(neighbour)
    if len(order) < len(graph.edges):
        raise ValueError("the graph has a cycle")
    return order
