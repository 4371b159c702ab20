"""Sorting: the built-in sort with and without keys, a quicksort and a heap written in Python."""
import sys

size = int(sys.argv[1])
state, items = 7, []
for i in range(size):
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    items.append(state >> 4)


def quicksort(values):
    if len(values) < 2:
        return values
    pivot = values[len(values) // 2]
    return (quicksort([v for v in values if v < pivot]) + [v for v in values if v == pivot] +
            quicksort([v for v in values if v > pivot]))


def heapsort(values):
    heap = []
    for value in values:
        at = len(heap)
        heap.append(value)
        while at > 0 and heap[(at - 1) // 2] > value:
            heap[at] = heap[(at - 1) // 2]
            at = (at - 1) // 2
        heap[at] = value
    out = []
    while heap:
        out.append(heap[0])
        value = heap.pop()
        if not heap:
            break
        at = 0
        while True:
            child = 2 * at + 1
            if child >= len(heap):
                break
            if child + 1 < len(heap) and heap[child + 1] < heap[child]:
                child += 1
            if heap[child] >= value:
                break
            heap[at] = heap[child]
            at = child
        heap[at] = value
    return out


expected = sorted(items)
assert quicksort(items) == expected
assert heapsort(items) == expected
by_digits = sorted(items, key=lambda v: (v % 1000, str(v)))
print(expected[0], expected[size // 2], expected[-1], by_digits[size // 3])
largest = sorted(map(str, items), reverse=True)[:10]
print(sum(i * int(text) for i, text in enumerate(largest, 1)))
