/**
 * The control words through which a stop is requested, from this thread or another.
 *
 * @module
 */

/** Indices into the control words. */
export const ControlWord = {
  /** Not 0: look up at the next site. */
  attention: 0,
  /** Largest stack depth, in estimated bytes; -1 makes every recursive entry look up. */
  depthLimit: 1,
  /** Not 0: a stop is requested. */
  stop: 2,
  /** Not 0: the time slice is over. */
  pause: 3,
} as const;

/**
 * Stack bytes that generated code may use, by its own estimate. V8 gives a thread about 1 MB; the rest
 * is for host functions and for compiling.
 */
export const defaultDepthLimit = 400_000;

/** The memories of WebAssembly that control words are in, for code that imports them. */
const memories = new WeakMap<ArrayBufferLike, WebAssembly.Memory>();

/** The memory that holds control words made by this thread's {@linkcode controlWords}; `undefined` for others. */
export function sharedMemoryOf(words: Int32Array): WebAssembly.Memory | undefined {
  return words.byteOffset === 0 ? memories.get(words.buffer) : undefined;
}

/** Control words that other threads can write. */
export function controlWords(): Int32Array<SharedArrayBuffer> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const words = new Int32Array(memory.buffer as SharedArrayBuffer, 0, 8);
  memories.set(words.buffer, memory);
  words[ControlWord.depthLimit] = defaultDepthLimit;
  return words;
}

/** What a stop request writes to the words, in this order. */
export const stopRequest: readonly (readonly [word: number, value: number])[] = [
  [ControlWord.stop, 1],
  [ControlWord.depthLimit, -1],
  [ControlWord.attention, 1],
];

/** What the end of a time slice writes. */
export const pauseRequest: readonly (readonly [word: number, value: number])[] = [
  [ControlWord.pause, 1],
  ...stopRequest.slice(1),
];

/** Asks the guest that watches these words to stop; safe from any thread. */
export function requestStop(words: Int32Array): void {
  for (const [word, value] of stopRequest) Atomics.store(words, word, value);
  if (words.buffer instanceof SharedArrayBuffer) Atomics.notify(words, ControlWord.stop);
}

/** Takes a request back, or clears one that was obeyed. */
export function clearStop(words: Int32Array): void {
  Atomics.store(words, ControlWord.stop, 0);
  calm(words);
}

/** Forgets that a time slice was over. */
export function clearPause(words: Int32Array): void {
  if (Atomics.exchange(words, ControlWord.pause, 0) === 0) return;
  calm(words);
  // A stop may have been requested meanwhile.
  if (Atomics.load(words, ControlWord.stop) !== 0) requestStop(words);
}

function calm(words: Int32Array): void {
  Atomics.store(words, ControlWord.depthLimit, defaultDepthLimit);
  Atomics.store(words, ControlWord.attention, 0);
}
