/** The payload as JSON in an editor, with what is no JSON underlined while it is typed. */
import { json } from "@codemirror/lang-json";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { linter } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

import { LOOK, TYPED_OVER } from "./editor.ts";
import { mistakeIn } from "./payload.ts";

export class PayloadEditor {
  readonly #view: EditorView;

  /** Stand in for a text area, whose label is the editor's from then on. */
  constructor(area: HTMLTextAreaElement, nonce: string, onChange: () => void, onEnter: () => void) {
    const enter = (): boolean => {
      onEnter();
      return true;
    };
    const extensions = [
      EditorView.cspNonce.of(nonce),
      Prec.highest(keymap.of([{ key: "Mod-Enter", run: enter }])),
      history(),
      drawSelection(),
      bracketMatching(),
      closeBrackets(),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap]),
      json(),
      syntaxHighlighting(classHighlighter),
      linter(({ state }) => mistakes(state)),
      EditorView.lineWrapping,
      LOOK,
      TYPED_OVER,
      EditorView.contentAttributes.of({ "aria-labelledby": "payload-label", "aria-describedby": "payload-wrong", id: "payload", tabindex: "0" }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) onChange();
      }),
    ];
    const parent = document.createElement("div");
    parent.className = "payload-editor";
    area.replaceWith(parent);
    this.#view = new EditorView({ parent, doc: area.value, extensions });
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  set text(text: string) {
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
  }

  focus(): void {
    this.#view.focus();
  }
}

function mistakes(state: EditorState): { from: number; to: number; severity: "error"; message: string }[] {
  const mistake = mistakeIn(state.doc.toString());
  if (mistake === undefined) return [];
  const from = Math.min(mistake.offset, state.doc.length);
  return [{ from, to: Math.min(from + 1, state.doc.length), severity: "error", message: mistake.message }];
}
