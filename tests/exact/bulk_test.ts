/**
 * Bulk memory and table instructions: bounds, overlap, dropped segments
 * (WebAssembly 2.0, sections 4.4.6 and 4.4.7).
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { policyNames } from "../../compiler/policy.ts";
import { TrapKind } from "../../runtime/trap.ts";
import { assemble, assertBits, assertTrap, everySite, Subject, test } from "./subject.ts";

const huge = [0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];

const memoryText = `(module
  (memory (export "memory") 1 2)
  (data $active (i32.const 4) "abcd")
  (data $passive "0123456789")
  (data $empty "")
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32) (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init active") (param i32 i32 i32) (memory.init $active (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init empty") (param i32 i32 i32) (memory.init $empty (local.get 0) (local.get 1) (local.get 2)))
  (func (export "drop") (data.drop $passive))
  (func (export "drop active") (data.drop $active))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "operands") (result i32)
    (i32.load8_u (i32.const 0))
    (memory.fill (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)) (i32.const 1))
    (i32.add (i32.load8_u (i32.const 0)) (i32.const 256))
    (i32.add))
  (func (export "across an image") (param i32) (local $i i32)
    (data.drop $passive)
    (loop (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
    (memory.init $passive (i32.const 0) (i32.const 0) (local.get 0))))`;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("memory.fill, copy and init: a range that does not fit traps and writes nothing", async () => {
  const subject = Subject.of(await assemble(memoryText));
  const memory = subject.memory().bytes;
  const size = 65536;
  const reset = () => memory.forEach((_, i) => memory[i] = i * 7);
  reset();
  const intact = memory.slice();
  const traps = (name: string, ...args: number[]) => {
    assertTrap(TrapKind.memoryBounds, () => subject.call(name, ...args), `${name} ${args}`);
    assertEquals(memory, intact, `${name} ${args} wrote something`);
  };
  const same = (name: string, ...args: number[]) => {
    subject.call(name, ...args);
    assertEquals(memory, intact, `${name} ${args} wrote something`);
  };
  for (const name of ["fill", "copy", "init"]) {
    same(name, size, 0, 0);
    same(name, 0, 0, 0);
    traps(name, size + 1, 0, 0);
    traps(name, size, 0, 1);
    traps(name, size - 9, 0, 10);
    for (const at of huge) {
      traps(name, at, 0, 0);
      traps(name, at, 0, 1);
      traps(name, at, 0, at);
      traps(name, 0, 0, at);
      traps(name, 16, 0, at);
    }
  }
  for (const at of huge) {
    traps("copy", 0, at, 0);
    traps("copy", 0, at, at);
    traps("init", 0, at, 0);
    traps("init", 0, at, 1);
  }
  same("copy", 0, size, 0);
  traps("copy", 0, size + 1, 0);
  traps("copy", 0, size, 1);
  traps("copy", 0, size - 9, 10);
  same("init", 0, 10, 0);
  traps("init", 0, 11, 0);
  traps("init", 0, 10, 1);
  traps("init", 0, 1, 10);
  traps("init", 0, 0, 11);
  same("init empty", 0, 0, 0);
  same("init empty", size, 0, 0);
  traps("init empty", 0, 1, 0);
  traps("init empty", 0, 0, 1);

  subject.call("fill", size - 10, 0x1ff, 10);
  assert(memory.subarray(size - 10).every((byte) => byte === 0xff), "only the low byte of the value counts");
  assertEquals(memory[size - 11], intact[size - 11]);
  subject.call("init", size - 10, 0, 10);
  assertEquals(text(memory.subarray(size - 10)), "0123456789");
  subject.call("init", 100, 7, 3);
  assertEquals(text(memory.subarray(100, 103)), "789");
  subject.call("copy", 0, size - 10, 10);
  assertEquals(text(memory.subarray(0, 10)), "0123456789");
  subject.call("copy", 2, 0, 8);
  assertEquals(text(memory.subarray(0, 10)), "0101234567", "overlapping, upwards");
  subject.call("copy", 0, 1, 9);
  assertEquals(text(memory.subarray(0, 10)), "1012345677", "overlapping, downwards");
  subject.call("copy", 3, 3, 7);
  assertEquals(text(memory.subarray(0, 10)), "1012345677", "onto itself");
  subject.call("copy", 1, 0, 65535);
  assertEquals(text(memory.subarray(0, 10)), "1101234567");
});

test("memory.fill and friends see a grown memory, and their operands are evaluated first", async () => {
  const subject = Subject.of(await assemble(memoryText));
  assertTrap(TrapKind.memoryBounds, () => subject.call("fill", 65535, 1, 2));
  assertBits(subject.call("grow"), [1]);
  subject.call("fill", 65535, 1, 65537);
  subject.call("init", 131062, 0, 10);
  assertEquals(text(subject.memory().bytes.subarray(131062)), "0123456789");
  assertTrap(TrapKind.memoryBounds, () => subject.call("copy", 65536, 0, 65537));
  subject.memory().bytes[0] = 9;
  assertBits(subject.call("operands"), [9 + 10 + 256]);
});

test("data.drop: a dropped segment is empty, active ones are from the start, twice is once", async () => {
  for (const policy of policyNames) {
    const subject = Subject.of(await assemble(memoryText), { policy });
    assertEquals(text(subject.memory().bytes.subarray(4, 8)), "abcd");
    subject.call("init active", 0, 0, 0);
    assertTrap(TrapKind.memoryBounds, () => subject.call("init active", 0, 0, 1));
    assertTrap(TrapKind.memoryBounds, () => subject.call("init active", 0, 1, 0));
    subject.call("drop active");
    subject.call("init", 0, 0, 10);
    subject.call("drop");
    subject.call("drop");
    subject.call("init", 0, 0, 0);
    assertTrap(TrapKind.memoryBounds, () => subject.call("init", 0, 0, 1));
    assertTrap(TrapKind.memoryBounds, () => subject.call("init", 0, 1, 0));
    assertEquals(text(subject.memory().bytes.subarray(0, 4)), "0123", "what was written stays");

    const other = Subject.of(await assemble(memoryText), everySite(policy));
    await other.callByImages("across an image", 0);
    assertTrap(TrapKind.memoryBounds, () => other.call("init", 0, 0, 1), "dropped in the image, too");
    assertTrap(TrapKind.memoryBounds, () => other.call("init active", 0, 0, 1), "active segments, too");
  }
});

const tableText = `(module
  (type $i (func (result i32)))
  (table $t (export "table") 10 20 funcref)
  (table $u 10 funcref)
  (table $x (export "externs") 2 5 externref)
  (elem $active (table $t) (i32.const 0) func $f0 $f1)
  (elem $passive func $f0 $f1 $f2 $f3)
  (elem $nulls funcref (ref.null func) (ref.func $f3))
  (elem declare func $f0)
  (func $f0 (result i32) (i32.const 100))
  (func $f1 (result i32) (i32.const 101))
  (func $f2 (result i32) (i32.const 102))
  (func $f3 (result i32) (i32.const 103))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $i) (local.get 0)))
  (func (export "call u") (param i32) (result i32) (call_indirect $u (type $i) (local.get 0)))
  (func (export "call as another type") (param i32) (result i64) (call_indirect $t (result i64) (local.get 0)))
  (func (export "init") (param i32 i32 i32) (table.init $t $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init active") (param i32 i32 i32) (table.init $t $active (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init nulls") (param i32 i32 i32) (table.init $t $nulls (local.get 0) (local.get 1) (local.get 2)))
  (func (export "declared") (param i32 i32 i32) (table.init $t 3 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy to u") (param i32 i32 i32) (table.copy $u $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy from u") (param i32 i32 i32) (table.copy $t $u (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32 i32) (table.fill $t (local.get 0) (ref.func $f3) (local.get 1)))
  (func (export "fill null") (param i32 i32) (table.fill $t (local.get 0) (ref.null func) (local.get 1)))
  (func (export "set") (param i32) (table.set $t (local.get 0) (ref.func $f2)))
  (func (export "get is null") (param i32) (result i32) (ref.is_null (table.get $t (local.get 0))))
  (func (export "get and drop") (param i32) (drop (table.get $t (local.get 0))))
  (func (export "size") (result i32) (table.size $t))
  (func (export "grow") (param i32) (result i32) (table.grow $t (ref.func $f1) (local.get 0)))
  (func (export "grow externs") (param externref i32) (result i32) (table.grow $x (local.get 0) (local.get 1)))
  (func (export "extern") (param i32) (result externref) (table.get $x (local.get 0)))
  (func (export "drop") (elem.drop $passive))
  (func (export "across an image") (param i32) (local $i i32)
    (elem.drop $passive)
    (drop (table.grow $t (ref.func $f2) (i32.const 3)))
    (loop (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
    (table.init $t $passive (i32.const 0) (i32.const 0) (local.get 0))))`;

/** What `call` gives for each element of the table; `-` for null. */
function contents(subject: Subject, call = "call"): string {
  const shown: string[] = [];
  for (let i = 0;; i++) {
    try {
      shown.push(String(Number(subject.call(call, i)[0]) - 100));
    } catch (error) {
      const { kind } = error as { kind: string };
      if (kind === TrapKind.undefinedElement) return shown.join("");
      assertEquals(kind, TrapKind.uninitializedElement);
      shown.push("-");
    }
  }
}

test("table.init, copy and fill: a range that does not fit traps and writes nothing", async () => {
  const subject = Subject.of(await assemble(tableText));
  assertEquals(contents(subject), "01--------");
  const traps = (name: string, ...args: number[]) => {
    const before = contents(subject);
    assertTrap(TrapKind.tableBounds, () => subject.call(name, ...args), `${name} ${args}`);
    assertEquals(contents(subject), before, `${name} ${args} wrote something`);
  };
  for (const name of ["init", "copy", "init nulls", "copy to u", "copy from u"]) {
    subject.call(name, 10, 0, 0);
    traps(name, 11, 0, 0);
    traps(name, 10, 0, 1);
    traps(name, 9, 0, 2);
    for (const at of huge) {
      traps(name, at, 0, 0);
      traps(name, at, 0, at);
      traps(name, 0, at, 0);
      traps(name, 0, at, at);
      traps(name, 0, 0, at);
    }
  }
  assertEquals(contents(subject, "call u"), "----------");
  for (const name of ["fill", "fill null"]) {
    subject.call(name, 10, 0);
    traps(name, 11, 0);
    traps(name, 10, 1);
    traps(name, 1, 10);
    for (const at of huge) (traps(name, at, 0), traps(name, at, at), traps(name, 0, at));
  }
  subject.call("init", 3, 4, 0);
  traps("init", 3, 5, 0);
  traps("init", 3, 4, 1);
  traps("init", 3, 0, 5);
  for (const name of ["set", "get is null", "get and drop"]) {
    traps(name, 10);
    for (const at of huge) traps(name, at);
  }

  subject.call("init", 6, 0, 4);
  assertEquals(contents(subject), "01----0123");
  subject.call("copy", 1, 0, 4);
  assertEquals(contents(subject), "001---0123", "overlapping, upwards");
  subject.call("copy", 0, 6, 4);
  subject.call("copy", 0, 1, 4);
  assertEquals(contents(subject), "123---0123", "overlapping, downwards");
  subject.call("copy to u", 8, 1, 2);
  assertEquals(contents(subject, "call u"), "--------23");
  subject.call("copy from u", 4, 8, 2);
  assertEquals(contents(subject), "123-230123");
  subject.call("fill", 8, 2);
  subject.call("fill null", 0, 2);
  subject.call("set", 9);
  assertEquals(contents(subject), "--3-230132");
  subject.call("init nulls", 1, 0, 2);
  assertEquals(contents(subject), "--3-230132");
  subject.call("init nulls", 4, 0, 1);
  assertEquals(contents(subject), "--3--30132");
  assertBits([...subject.call("get is null", 4), ...subject.call("get is null", 5)], [1, 0]);
});

test("call_indirect: elements that are out of bounds, null, or of another type", async () => {
  const subject = Subject.of(await assemble(tableText));
  assertTrap(TrapKind.signatureMismatch, () => subject.call("call as another type", 0));
  assertTrap(TrapKind.uninitializedElement, () => subject.call("call as another type", 2));
  assertTrap(TrapKind.uninitializedElement, () => subject.call("call", 9));
  for (const at of [10, 11, ...huge]) {
    assertTrap(TrapKind.undefinedElement, () => subject.call("call", at), `element ${at}`);
    assertTrap(TrapKind.undefinedElement, () => subject.call("call as another type", at), `element ${at}`);
  }
});

test("table.grow: up to the declared limit, and not an element more", async () => {
  const subject = Subject.of(await assemble(tableText));
  assertBits([...subject.call("grow", 0), ...subject.call("size")], [10, 10]);
  for (const delta of [11, ...huge]) {
    assertBits(
      [...subject.call("grow", delta), ...subject.call("size")],
      [0xffffffff, 10],
      `grow by ${delta}`,
    );
  }
  assertBits([...subject.call("grow", 3), ...subject.call("size")], [10, 13]);
  assertEquals(contents(subject), "01--------111");
  assertTrap(TrapKind.undefinedElement, () => subject.call("call", 13));
  assertBits([...subject.call("grow", 7), ...subject.call("grow", 1), ...subject.call("size")], [
    13,
    0xffffffff,
    20,
  ]);
  const extern = Subject.of(await assemble(tableText));
  assertEquals(extern.call("grow externs", "a host value", 3), [2]);
  assertEquals([2, 3, 4].map((i) => extern.call("extern", i)[0]), Array(3).fill("a host value"));
  assertEquals(extern.call("extern", 1), [null]);
  assertBits(extern.call("grow externs", null, 1), [0xffffffff]);
});

test("elem.drop: a dropped segment is empty, active and declarative ones are from the start", async () => {
  for (const policy of policyNames) {
    const subject = Subject.of(await assemble(tableText), { policy });
    for (const name of ["init active", "declared"]) {
      subject.call(name, 0, 0, 0);
      assertTrap(TrapKind.tableBounds, () => subject.call(name, 0, 0, 1), name);
    }
    subject.call("init", 2, 0, 2);
    subject.call("drop");
    subject.call("drop");
    subject.call("init", 0, 0, 0);
    assertTrap(TrapKind.tableBounds, () => subject.call("init", 0, 0, 1));
    assertTrap(TrapKind.tableBounds, () => subject.call("init", 0, 1, 0));
    assertEquals(contents(subject), "0101------", "what was written stays");

    const other = Subject.of(await assemble(tableText), everySite(policy));
    await other.callByImages("across an image", 0);
    assertEquals(contents(other), "01--------222");
    for (const name of ["init", "init active", "declared"]) {
      assertTrap(TrapKind.tableBounds, () => other.call(name, 0, 0, 1), `${name} after an image`);
    }
    assertBits([...other.call("grow", 7), ...other.call("grow", 1)], [13, 0xffffffff]);
  }
});
