/**
 * Text with the escape sequences of terminals, as pieces of plain text with names of styles.
 *
 * Colours of the sixteen, bold, dim, italic and underline are kept; every other sequence is left out, and so are
 * control characters, but for tabs and ends of lines. What the names look like is the stylesheet's.
 * https://www.ecma-international.org/publications-and-standards/standards/ecma-48/
 */

export interface Piece {
  readonly text: string;
  /** Names such as `ansi-red` and `ansi-bold`, none for plain text. */
  readonly styles: readonly string[];
}

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const WEIGHTS: Readonly<Record<number, string>> = { 1: "bold", 2: "dim", 3: "italic", 4: "underline" };

// Operating system commands such as titles and links, control sequences, and escapes of one character.
const SEQUENCE = /\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|(?:\x1b\[|\x9b)([0-9;:?<=>]*)[ -/]*([@-~])|\x1b[@-Z\\^_]/;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Cut text into pieces of one style each. */
export function pieces(text: string): Piece[] {
  let style = new Style();
  const found: Piece[] = [];
  const add = (part: string | undefined): void => {
    const shown = (part ?? "").replace(CONTROL, "");
    if (shown !== "") found.push({ text: shown, styles: style.names });
  };
  for (const { before, parameters, final } of sequences(text)) {
    add(before);
    if (final === "m") style = style.after(parameters);
  }
  return found;
}

/** Return text without its sequences. */
export function plain(text: string): string {
  return pieces(text)
    .map((piece) => piece.text)
    .join("");
}

interface Sequence {
  readonly before: string;
  readonly parameters: string;
  readonly final: string;
}

function* sequences(text: string): Generator<Sequence, void, void> {
  const pattern = new RegExp(SEQUENCE, "g");
  let start = 0;
  for (const match of text.matchAll(pattern)) {
    yield { before: text.slice(start, match.index), parameters: match[1] ?? "", final: match[2] ?? "" };
    start = match.index + match[0].length;
  }
  yield { before: text.slice(start), parameters: "", final: "" };
}

class Style {
  readonly #colour: string | undefined;
  readonly #weights: readonly string[];

  constructor(colour?: string, weights: readonly string[] = []) {
    this.#colour = colour;
    this.#weights = weights;
  }

  get names(): readonly string[] {
    const all = this.#colour === undefined ? this.#weights : [this.#colour, ...this.#weights];
    return all.map((name) => `ansi-${name}`);
  }

  /** https://en.wikipedia.org/wiki/ANSI_escape_code#Select_Graphic_Rendition_parameters */
  after(parameters: string): Style {
    const codes = parameters.split(/[;:]/).map(Number);
    let style: Style = this;
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at] ?? 0;
      // 38;5;n and 38;2;r;g;b: colours beyond the sixteen are not ours to show.
      if (code === 38 || code === 48) at += codes[at + 1] === 5 ? 2 : 4;
      else style = style.#with(code);
    }
    return style;
  }

  #with(code: number): Style {
    if (code === 0) return new Style();
    if (code === 39) return new Style(undefined, this.#weights);
    if (code === 22) return new Style(this.#colour, this.#weights.filter((it) => it !== "bold" && it !== "dim"));
    if (code === 23) return new Style(this.#colour, this.#weights.filter((it) => it !== "italic"));
    if (code === 24) return new Style(this.#colour, this.#weights.filter((it) => it !== "underline"));
    const weight = WEIGHTS[code];
    if (weight !== undefined) return new Style(this.#colour, [...new Set([...this.#weights, weight])]);
    const colour = COLOURS[code >= 90 && code <= 97 ? code - 90 : code - 30];
    return colour === undefined ? this : new Style(colour, this.#weights);
  }
}
