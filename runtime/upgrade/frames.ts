/**
 * The stack of an image, for the new module: the same frames, in functions of the same instructions.
 *
 * @module
 */
import type { BuildComparison } from "../../compiler/upgrade/build.ts";
import { translateSite } from "../../compiler/upgrade/comparison.ts";
import { count, few, type Finding, hex } from "../../compiler/upgrade/finding.ts";
import type { Frame, Ref } from "../image/snapshot.ts";
import { upgradeReference } from "./references.ts";

/** Translates frames, outermost first, and reports on each function among them. */
export function upgradeFrames(
  stack: readonly Frame[],
  build: BuildComparison,
  report: (finding: Finding) => void,
): Frame[] {
  const upgrader = new FrameUpgrader(build);
  const frames = stack.map((frame, at) => upgrader.frame(frame, at));
  upgrader.report(report);
  return frames;
}

class FrameUpgrader {
  /** Places of frames by function, and by reason. */
  readonly #places = new Map<number, number[]>();
  readonly #reasons = new Map<string, { func: number; places: number[] }>();
  readonly #sites = new Map<string, number | undefined>();

  constructor(private readonly build: BuildComparison) {}

  frame(frame: Frame, at: number): Frame {
    const { func } = frame;
    const places = this.#places.get(func);
    if (places) places.push(at);
    else this.#places.set(func, [at]);
    const match = this.build.numbers.funcs.get(func);
    const site = match === undefined ? undefined : this.#site(func, match, frame.site);
    const reason = this.#refusal(func, frame.site, site);
    if (reason !== undefined) this.#refuse(reason, func, at);
    return { ...frame, func: match ?? func, site: site ?? frame.site, refs: this.#refs(frame, at) };
  }

  report(report: (finding: Finding) => void): void {
    const bad = new Set<number>();
    for (const [text, { func, places }] of this.#reasons) {
      bad.add(func);
      report({ subject: this.#subject(func, places), fits: false, text });
    }
    for (const [func, places] of this.#places) {
      if (!bad.has(func)) report({ subject: this.#subject(func, places), fits: true, text: "the same code" });
    }
  }

  #subject(func: number, places: readonly number[]): string {
    const name = this.build.numbers.name(func);
    return `${count(places.length, "frame")} in ${name} (${few(places.map((at) => `#${at}`), 3)})`;
  }

  #refuse(reason: string, func: number, at: number): void {
    const known = this.#reasons.get(reason);
    if (known) known.places.push(at);
    else this.#reasons.set(reason, { func, places: [at] });
  }

  /** The site in the new module; a host function's frame has none. */
  #site(func: number, match: number, site: number): number | undefined {
    const { numbers } = this.build;
    if (func < numbers.old.imported.funcs) return site;
    const key = `${func}@${site}`;
    if (!this.#sites.has(key)) this.#sites.set(key, translateSite(numbers, func, match, site));
    return this.#sites.get(key);
  }

  #refusal(func: number, site: number, translated: number | undefined): string | undefined {
    const { numbers, functions } = this.build;
    if (!numbers.funcs.has(func)) return `is on the stack, but ${numbers.missing(func)}`;
    const difference = functions.changed.get(func)?.difference;
    if (difference) {
      const { instruction, offset, old, next } = difference;
      const where = instruction < 0
        ? ""
        : ` at instruction ${instruction} (offset ${hex(offset)} of the code)`;
      return `is on the stack, and its code changed${where}: ${old} is now ${next}`;
    }
    if (translated === undefined) {
      return `stands at offset ${site}, where the old module has no instruction of it`;
    }
    return undefined;
  }

  #refs({ refs, func }: Frame, at: number): Frame["refs"] {
    if (refs.length === 0) return refs;
    return refs.map((ref) => {
      const found = upgradeReference(ref, this.build.numbers);
      if (typeof found !== "string") return found as NonNullable<Ref>;
      this.#refuse(`has a value that ${found}`, func, at);
      return ref;
    });
  }
}
