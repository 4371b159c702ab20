/**
 * Building small modules byte by byte, for tests of the decoder and the validator.
 *
 * @module
 */

/** An unsigned LEB128 in the shortest form. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push(value % 128 + (rest > 0 ? 128 : 0));
    value = rest;
  } while (value > 0);
  return bytes;
}

/** A name: length and UTF-8. */
export function name(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)];
  return [...leb(bytes.length), ...bytes];
}

/** A section with its size. */
export function section(id: number, contents: readonly number[]): number[] {
  return [id, ...leb(contents.length), ...contents];
}

/** A code section of bodies, each from its local declarations to its `end`. */
export function codeSection(...bodies: readonly (readonly number[])[]): number[] {
  return section(10, [...leb(bodies.length), ...bodies.flatMap((body) => [...leb(body.length), ...body])]);
}

/** A module of complete sections. */
export function binary(...sections: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
}

/** A type section with the one type `[] -> []`, and a function section with `count` functions of it. */
export function functions(count: number): number[] {
  return [...section(1, [1, 0x60, 0, 0]), ...section(3, [...leb(count), ...new Array(count).fill(0)])];
}

/** A small generator of numbers for seeded tests: the next integer from 0 to `below - 1`. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x9e3779b9) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) % below;
  };
}
