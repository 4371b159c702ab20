"""A float loop: gravity between bodies, a numeric integral, the Mandelbrot set on a small grid."""
import math
import sys

size = int(sys.argv[1])
bodies = [[i * 6.0, 0.1 * i, 0.0, 6.28 / math.sqrt(i * 6.0 or 1e9), 39.5 if i == 0 else 0.01] for i in range(5)]
for step in range(size):
    for i, a in enumerate(bodies):
        for b in bodies[i + 1:]:
            dx, dy = a[0] - b[0], a[1] - b[1]
            square = dx * dx + dy * dy
            pull = 0.001 / (square * math.sqrt(square))
            a[2] -= dx * b[4] * pull
            a[3] -= dy * b[4] * pull
            b[2] += dx * a[4] * pull
            b[3] += dy * a[4] * pull
    for a in bodies:
        a[0] += 0.001 * a[2]
        a[1] += 0.001 * a[3]
print(bodies[1][0], bodies[4][1])

total, x = 0.0, 0.0
while x < size / 10:
    total += math.sin(x) * math.exp(-x * 0.001) / (1.0 + x * x)
    x += 0.03125
print(total)

inside = 0
for y in range(-20, 20):
    for x in range(-40, 20):
        z, c = 0j, complex(x / 20, y / 20)
        for i in range(size // 400):
            z = z * z + c
            if abs(z) > 2:
                break
        else:
            inside += 1
print(inside)
