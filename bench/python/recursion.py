"""Calls: Fibonacci's numbers, Takeuchi's function, permutations by generators."""
import sys

size = int(sys.argv[1])


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def tak(x, y, z):
    return z if y >= x else tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))


def permutations(items):
    if len(items) < 2:
        yield items
        return
    for i, item in enumerate(items):
        for rest in permutations(items[:i] + items[i + 1:]):
            yield (item, *rest)


print(fib(size))
print(tak(size // 2 + 2, size // 4, 3))
print(sum(p[0] * p[-1] for p in permutations(tuple(range(size * 2 // 7)))))
