#!/usr/bin/env node
/**
 * An image reader written from docs/image-format.md alone: plain JavaScript, no code of the project, no
 * packages. It proves every digest, rebuilds every memory, and prints what is in the image as JSON.
 *
 *     node scripts/read_image.mjs FILE [--key FILE | --passphrase-file FILE]
 *     deno run --allow-read scripts/read_image.mjs FILE
 *
 * Sealed images are opened with a key, signatures are verified (it is up to you whose they are).
 *
 * It trusts lengths more than a reader of strangers' files should.
 */
import { Buffer } from "node:buffer";
import { createDecipheriv, createHash, createPublicKey, hkdfSync, scryptSync, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { inflateSync, zstdDecompressSync } from "node:zlib";

const sha256 = (...parts) =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const PAGE = 4096;

/** Decodes the msgpack value at `at`; returns the value and the offset behind it. */
function unpack(bytes, at) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = bytes[at++];
  const uint = (size) => {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + bytes[at++];
    return value;
  };
  const raw = (length) => bytes.subarray(at, at += length);
  const text = (length) => new TextDecoder("utf-8", { fatal: true }).decode(raw(length));
  const next = () => {
    const [value, end] = unpack(bytes, at);
    at = end;
    return value;
  };
  const array = (length) => Array.from({ length }, next);
  const map = (length) => Object.fromEntries(Array.from({ length }, () => [next(), next()]));
  const read = () => {
    if (type <= 0x7f) return type;
    if (type <= 0x8f) return map(type & 15);
    if (type <= 0x9f) return array(type & 15);
    if (type <= 0xbf) return text(type & 31);
    if (type >= 0xe0) return type - 256;
    if (type >= 0xc4 && type <= 0xc6) return raw(uint(1 << (type - 0xc4)));
    if (type >= 0xcc && type <= 0xcf) return uint(1 << (type - 0xcc));
    if (type >= 0xd9 && type <= 0xdb) return text(uint(1 << (type - 0xd9)));
    if (type === 0xdc || type === 0xdd) return array(uint(type === 0xdc ? 2 : 4));
    if (type === 0xde || type === 0xdf) return map(uint(type === 0xde ? 2 : 4));
    at += { 0xca: 4, 0xcb: 8, 0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8 }[type] ?? 0;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return view.getFloat32(at - 4);
      case 0xcb:
        return view.getFloat64(at - 8);
      case 0xd0:
        return view.getInt8(at - 1);
      case 0xd1:
        return view.getInt16(at - 2);
      case 0xd2:
        return view.getInt32(at - 4);
      case 0xd3:
        return Number(view.getBigInt64(at - 8));
    }
    throw new Error(`msgpack type 0x${type.toString(16)} at ${at - 1}`);
  };
  const value = read();
  return [value, at];
}

/** What is inside of a sealed image. @param keys `{ key }`, 32 bytes, or `{ passphrase }`. */
function unseal(file, keys) {
  let at = 0;
  const take = () => {
    const [value, end] = unpack(file, at);
    at = end;
    return value;
  };
  if (take() !== "MVVM sealed") throw new Error("not a sealed image");
  const version = take();
  if (version !== 1) throw new Error(`version ${version} of the seal`);
  const length = take();
  const start = at;
  const header = take();
  if (at - start !== length) throw new Error("wrong length of the seal's header");
  const digest = createHash("sha256").update(file.subarray(0, at)).digest();
  if (hex(take()) !== hex(digest)) throw new Error("the seal's header does not fit its digest");
  const { kind, salt, N, r, p } = header.key;
  const own = kind === "file" ? keys.key : keys.passphrase;
  if (own === undefined) throw new Error(`it needs a ${kind === "file" ? "key" : "passphrase"}`);
  const master = kind === "file"
    ? own
    : scryptSync(own.normalize("NFC"), salt, 32, { N, r, p, maxmem: 2 ** 30 });
  const derive = (what) => Buffer.from(hkdfSync("sha256", master, header.id, `MVVM sealed 1 ${what}`, 32));
  if (hex(derive("check")) !== hex(header.check)) throw new Error("it is another key");
  const key = derive(header.cipher);
  const parts = [];
  for (let i = 0, last = false; !last; i++) {
    const chunk = take();
    last = chunk.length < header.chunkBytes + 16;
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(BigInt(i), 3);
    nonce[11] = last ? 1 : 0;
    const decipher = createDecipheriv("aes-256-gcm", key, nonce);
    decipher.setAAD(digest);
    decipher.setAuthTag(chunk.subarray(chunk.length - 16));
    parts.push(decipher.update(chunk.subarray(0, chunk.length - 16)), decipher.final());
  }
  if (at !== file.length) throw new Error("bytes behind the seal's last chunk");
  return new Uint8Array(Buffer.concat(parts));
}

/** The records of the file, proven: `{ head, data }` with data decompressed. */
function* records(file) {
  const [magic, afterMagic] = unpack(file, 0);
  if (magic !== "MVVM image") throw new Error("not an image");
  const [version, start] = unpack(file, afterMagic);
  if (version !== 1) throw new Error(`format version ${version}`);
  let chain = sha256(file.subarray(0, start));
  let at = start;
  const take = () => {
    const [value, end] = unpack(file, at);
    const from = at;
    at = end;
    return { value, from, end };
  };
  let section;
  while (section !== "end") {
    const length = take();
    const head = take();
    const link = take();
    const data = take();
    if (head.end - head.from !== length.value) throw new Error(`wrong length of a head at ${head.from}`);
    const frame = file.subarray(data.from, data.end - data.value.length);
    chain = sha256(Buffer.from(chain, "hex"), file.subarray(length.from, head.end), frame);
    if (chain !== hex(link.value)) throw new Error(`the record at ${length.from} does not fit its digest`);
    if (sha256(data.value) !== hex(head.value.sha256)) throw new Error(`the data at ${data.from} do not fit`);
    section = head.value.section;
    const decompress = { none: (bytes) => bytes, zstd: zstdDecompressSync, deflate: inflateSync };
    const plain = decompress[head.value.compression](data.value);
    if (plain.length !== head.value.byteLength) throw new Error(`wrong length of the data at ${data.from}`);
    yield { head: head.value, data: plain, chain };
  }
  if (at !== file.length) throw new Error("bytes behind the end");
}

const column = (bytes) =>
  Array.from({ length: bytes.length / 4 }, (_, i) => Buffer.from(bytes).readUInt32LE(4 * i));
const typeNames = {
  0x7f: "i32",
  0x7e: "i64",
  0x7d: "f32",
  0x7c: "f64",
  0x7b: "v128",
  0x70: "funcref",
  0x6f: "externref",
};
const typeWords = { i32: 1, i64: 2, f32: 1, f64: 2, v128: 4, funcref: 1, externref: 1 };
/** Little-endian bytes as a hexadecimal number. */
const bits = (bytes) => `0x${hex(Uint8Array.from(bytes).reverse())}`;

/** The frames of one `stack` body. */
function frames(body, references) {
  const { instance, func, site, locals, operands } = Object.fromEntries(
    ["instance", "func", "site", "locals", "operands"].map((name) => [name, column(body[name])]),
  );
  let types = 0;
  let words = 0;
  const value = () => {
    const type = typeNames[body.types[types++]];
    const own = body.words.subarray(4 * words, 4 * (words += typeWords[type]));
    return type.endsWith("ref") ? { type, ref: references[column(own)[0]] } : { type, bits: bits(own) };
  };
  return instance.map((_, i) => ({
    instance: instance[i],
    func: func[i],
    site: site[i],
    locals: Array.from({ length: locals[i] }, value),
    operands: Array.from({ length: operands[i] }, value),
  }));
}

/** Whether a `signature` section signs the chain value of the record before it. */
function isSigned({ algorithm, publicKey, signature }, chain) {
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicKey]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  const message = Buffer.concat([Buffer.from("MVVM image signature 1\0"), Buffer.from(chain, "hex")]);
  return algorithm === "Ed25519" && verify(null, message, key, signature);
}

/**
 * Everything in an image as plain data.
 * @param beside Gives the file of a name in the image's folder. @param keys What sealed images are opened with.
 */
function readWhole(file, beside, keys) {
  const image = { stack: [], host: {}, unknown: [] };
  let parts = [];
  let references;
  let last;
  let before;
  const isSealed = Buffer.from(file.subarray(1, 12)).toString() === "MVVM sealed";
  for (const { head, data, chain } of records(isSealed ? unseal(file, keys) : file)) {
    if (image.signature && head.section !== "end") throw new Error("a section behind the signature");
    if (parts.length === 0) before = last;
    last = chain;
    parts.push(data);
    if (head.more) continue;
    const bytes = new Uint8Array(Buffer.concat(parts));
    parts = [];
    const hasBody = ["header", "parent", "store", "stack", "host", "redactions", "signature"];
    const body = hasBody.includes(head.section) ? unpack(bytes, 0)[0] : undefined;
    switch (head.section) {
      case "header":
        Object.assign(image, body, {
          modules: body.modules.map((each) => ({ ...each, sha256: hex(each.sha256) })),
        });
        break;
      case "parent":
        image.parent = { ...body, digest: hex(body.digest) };
        break;
      case "store": {
        const func = column(body.references.functions.func);
        const instance = column(body.references.functions.instance);
        references = [null, ...func.map((f, i) => ({ kind: "func", instance: instance[i], func: f }))];
        references.push(...body.references.others);
        image.instances = body.instances;
        image.tables = body.tables.map((table) => ({
          ...table,
          elements: column(table.elements).map((number) => references[number]),
        }));
        image.globals = body.globals.map((global) => ({
          type: global.type,
          mutable: global.mutable,
          ...(global.bits ? { bits: bits(global.bits) } : { ref: references[global.reference] }),
        }));
        image.memories = body.memories.map((memory) => ({
          ...memory,
          bytes: new Uint8Array(memory.pages * 65536),
        }));
        if (image.parent) {
          const parent = readWhole(beside(image.parent.name), beside, keys);
          if (parent.digest !== image.parent.digest) throw new Error(`${image.parent.name} is another image`);
          image.memories.forEach(({ bytes }, i) => bytes.set(parent.memories[i].bytes));
        }
        break;
      }
      case "stack":
        image.stack.push(...frames(body, references));
        break;
      case "host":
        image.host[head.name] = body;
        break;
      case "pages": {
        const memory = image.memories[head.memory].bytes;
        let used = 0;
        for (const { page, count, same, zero } of head.runs) {
          for (let i = 0; i < count; i++) {
            const from = zero
              ? new Uint8Array(PAGE)
              : same === undefined
              ? bytes.subarray(used, used += PAGE)
              : memory.subarray((same + i) * PAGE).subarray(0, PAGE);
            memory.set(from, (page + i) * PAGE);
          }
        }
        break;
      }
      case "redactions":
        image.redactions = body.redactions.map((each) => ({
          ...each,
          memories: each.memories.map(({ memory, offsets, starts, lengths }) => ({
            memory,
            offsets: column(offsets),
            starts: column(starts),
            lengths: column(lengths),
          })),
        }));
        break;
      case "signature":
        if (!isSigned(body, before)) throw new Error("the signature is not one of this image");
        image.signature = { algorithm: body.algorithm, publicKey: body.publicKey };
        break;
      case "end":
        image.digest = chain;
        break;
      default:
        if (head.required) throw new Error(`section ${head.section} is required and unknown`);
        image.unknown.push(head.section);
    }
  }
  return image;
}

/** The same with memories by the SHA-256 of their contents. */
export function readImage(file, beside, keys = {}) {
  const image = readWhole(file, beside, keys);
  const memories = image.memories.map(({ bytes, ...rest }) => ({ ...rest, sha256: sha256(bytes) }));
  return { ...image, memories };
}

/** What the options `--key FILE` and `--passphrase-file FILE` name. */
function keysOf([option, path]) {
  if (option === undefined) return {};
  const text = readFileSync(path, "utf8");
  if (option === "--passphrase-file") return { passphrase: text.replace(/\r?\n$/, "") };
  const line = text.split("\n").map((each) => each.trim()).find((each) => each && !each.startsWith("#"));
  return { key: Buffer.from(line, /^[0-9a-fA-F]{64}$/.test(line) ? "hex" : "base64") };
}

if (process.argv[1]?.endsWith("read_image.mjs")) {
  const [path, ...options] = process.argv.slice(2);
  const beside = (name) => readFileSync(join(dirname(path), name));
  const image = readImage(readFileSync(path), beside, keysOf(options));
  const plain = (_, value) =>
    value?.type === "Buffer" ? hex(value.data) : value instanceof Uint8Array ? hex(value) : value;
  console.log(JSON.stringify(image, plain, 2));
}
