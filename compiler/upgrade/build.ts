/**
 * Everything about two builds of a program that can be told without an image.
 *
 * @module
 */
import type { Module } from "../types.ts";
import { compareAddresses } from "./addresses.ts";
import { compareData } from "./data.ts";
import { compareDefinitions } from "./definitions.ts";
import { compareElements, type NewElements } from "./elements.ts";
import type { Finding } from "./finding.ts";
import { compareFunctions, type FunctionComparison } from "./functions.ts";
import { Renumbering } from "./renumbering.ts";

/** Two builds, compared. */
export interface BuildComparison {
  readonly numbers: Renumbering;
  readonly functions: FunctionComparison;
  /** What does not fit, whatever an image holds. */
  readonly findings: readonly Finding[];
  readonly newElements: NewElements;
}

/**
 * Compares two builds of a program.
 *
 * @param old Validated, and so is `next`.
 */
export function compareBuilds(old: Module, next: Module): BuildComparison {
  const numbers = new Renumbering(old, next);
  const functions = compareFunctions(numbers);
  const elements = compareElements(numbers);
  return {
    numbers,
    functions,
    findings: [
      ...compareDefinitions(numbers),
      ...compareData(numbers),
      ...compareAddresses(numbers, functions),
      ...elements.findings,
    ],
    newElements: elements.added,
  };
}
