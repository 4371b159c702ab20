/**
 * `restore --module NEW.wasm --upgrade`: what is told about a rebuilt program that is to take over an image.
 *
 * @module
 */
import type { Program } from "../compiler/program.ts";
import type { Image } from "../runtime/image/reader.ts";
import { type Finding, type Upgrade, upgradeImage } from "../runtime/upgrade/upgrade.ts";
import { ExitCode, Refusal, say, writeOutput } from "./messages.ts";

/** A rebuilt program, and the path it was read from. */
export interface Rebuilt {
  readonly module: string;
  readonly program: Program;
}

/** How many findings of a kind are listed when the program goes on. */
const SHOWN = 10;

/**
 * The image for a rebuilt program, and what that changes told.
 *
 * @param own The program that the image was taken of.
 * @throws {Refusal} It cannot go on with the image, with every reason.
 */
export async function upgraded(image: Image, own: Program, { module, program }: Rebuilt): Promise<Image> {
  const upgrade = await compared(image, own, { module, program });
  if (upgrade.image === undefined) throw new Refusal(refusal(upgrade, module));
  say(summary(upgrade, module));
  return { ...image, ...upgrade.image };
}

/** Prints the whole comparison. @returns The exit code. */
export async function explainUpgrade(
  image: Image,
  own: Program,
  { module, program }: Rebuilt,
): Promise<number> {
  const upgrade = await compared(image, own, { module, program });
  writeOutput(explanation(upgrade, module));
  return upgrade.fits ? ExitCode.ok : ExitCode.refused;
}

/** Large modules take a second or two, in which nothing else can be said. */
const LARGE = 4 << 20;

function compared(image: Image, own: Program, { module, program }: Rebuilt): Promise<Upgrade> {
  const isLong = program.module.bytes.length > LARGE && Deno.stderr.isTerminal();
  if (isLong) say(`comparing ${module} with the program of the image`);
  return upgradeImage(image, own, program);
}

function explanation({ fits, findings }: Upgrade, module: string): string {
  const unfit = findings.filter((finding) => !finding.fits);
  const fitting = findings.filter((finding) => finding.fits);
  const verdict = fits
    ? `${module} can go on with the image.`
    : `${module} cannot go on with the image: ${unfit.length} of ${findings.length} findings are against it.`;
  return [verdict, ...section("Does not fit:", unfit), ...section("Fits:", fitting), ""].join("\n");
}

/** Why a rebuilt program cannot take over. */
function refusal({ findings }: Upgrade, module: string): string {
  const unfit = findings.filter((finding) => !finding.fits);
  return [
    `${module} cannot go on with the image; nothing was run:`,
    ...unfit.map(line),
    "--upgrade explain tells the whole comparison; the old program can still go on with the image",
  ].join("\n");
}

/** What a rebuilt program that takes over changes: functions, and not the frames that are as they were. */
function summary({ findings }: Upgrade, module: string): string {
  const functions = findings.filter(({ subject }) => subject.startsWith("function"));
  const [counts, ...changes] = functions;
  const more = changes.length - SHOWN;
  return [
    `${module} goes on with the image; ${counts.subject}: ${counts.text}`,
    ...changes.slice(0, SHOWN).map(line),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join("\n");
}

const line = ({ subject, text }: Finding) => `  ${subject}: ${text}`;

const section = (title: string, findings: readonly Finding[]) =>
  findings.length === 0 ? [] : ["", title, ...findings.map(line)];
