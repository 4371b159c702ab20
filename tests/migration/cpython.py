"""Prints as it computes: a program that shows at once where a restored interpreter would be wrong."""
import hashlib
import random


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class Shape:
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2 * 0.5


def generate(count):
    for i in range(count):
        try:
            if i % 3 == 0:
                raise ValueError(i)
            yield Shape(i).area()
        except ValueError as error:
            yield -float(error.args[0])
        finally:
            seen.add(i % 11)


random.seed(7)
seen = set()
table = {}
for i in range(10):
    table[f"key {i}"] = [fib(i + 3), 3 ** (40 * i) % (10**30 + 7), random.random()]
    digest = hashlib.sha256(repr(sorted(table.items())).encode()).hexdigest()
    print(i, table[f"key {i}"], digest[:16], f"{sum(generate(20 + i)):.3f}", flush=True)
numbers = [random.randrange(1000) for _ in range(200)]
print(sorted(numbers)[:5], max(numbers), len(seen), sum(x * 0.1 for x in numbers))
try:
    {}["nothing"]
except KeyError as error:
    print("caught", error)
print("done", hashlib.md5(str(numbers).encode()).hexdigest())
