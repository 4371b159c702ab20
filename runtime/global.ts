/**
 * Globals (spec 4.2.9).
 *
 * @module
 */
import type { GlobalType } from "../compiler/types.ts";

/** A global instance: generated code reads and writes the fields. */
export class Global {
  /** The value as generated code holds it; for an i64, the low half. */
  v: unknown = 0;
  /** The high half of an i64. */
  h = 0;
  constructor(readonly type: GlobalType) {}
}
