/**
 * The editor of code: CodeMirror, as our pages look and as their policy lets it (its styles bear a nonce).
 *
 * The Tab key moves on, as everywhere on a page; Ctrl+] and Ctrl+[ indent.
 */
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState, type Extension, Prec, type Text, type Transaction, type TransactionSpec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { basicSetup } from "codemirror";

import type { Problem } from "./api.ts";

export interface EditorOptions {
  readonly nonce: string;
  readonly label: string;
  readonly onChange: () => void;
  /** Ctrl+Enter, or Cmd+Enter. */
  readonly onEnter: () => void;
}

// Colours and sizes are the stylesheet's; what is set here wins over CodeMirror's own.
export const LOOK = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "var(--text)", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--accent)", padding: "10px 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--accent)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--faint)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--line-active)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, ::selection": {
    backgroundColor: "var(--selection)",
  },
  ".cm-matchingBracket": { backgroundColor: "transparent" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--selection)" },
  ".cm-selectionMatch": { backgroundColor: "var(--line-active)" },
  ".cm-panels, .cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-tooltip": { border: "1px solid var(--line)", borderRadius: "6px", boxShadow: "var(--shadow)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad-dot)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--hover)", border: "none", color: "var(--faint)" },
});

/**
 * Typing over a selection, done by the editor. Left to itself Chromium keeps the look of what was there in a style
 * attribute, which the page's policy refuses.
 */
export const TYPED_OVER = EditorView.domEventHandlers({
  beforeinput({ inputType, data }, view) {
    const { from, to, empty } = view.state.selection.main;
    if (inputType !== "insertText" || data === null || empty || view.composing) return false;
    const insert = (): Transaction =>
      view.state.update(view.state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true });
    const isHandled = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, data, insert));
    if (!isHandled) view.dispatch(insert());
    return true;
  },
});

/** Return the state of one file. */
export function stateOf(path: string, content: string, options: EditorOptions): EditorState {
  return EditorState.create({ doc: content, extensions: extensions(path, options) });
}

export function viewOf(parent: HTMLElement, state: EditorState): EditorView {
  return new EditorView({ parent, state });
}

/** Return what shows a compiler's problems at their places, instead of those before. */
export function shown(state: EditorState, problems: readonly Problem[]): TransactionSpec {
  return setDiagnostics(
    state,
    problems.map((problem) => diagnosticOf(state.doc, problem)),
  );
}

/** Return where in a text a problem is; lines and columns count from 1, and may be none. */
function diagnosticOf(text: Text, { line, column, message }: Problem): Diagnostic {
  const at = text.line(Math.min(Math.max(line ?? 1, 1), text.lines));
  const from = Math.min(at.from + Math.max((column ?? 1) - 1, 0), at.to);
  const word = /^[\w$]+/.exec(text.sliceString(from, at.to))?.[0].length ?? 1;
  return { from, to: Math.min(from + word, at.to), severity: "error", message };
}

function extensions(path: string, { nonce, label, onChange, onEnter }: EditorOptions): Extension {
  const enter = (): boolean => {
    onEnter();
    return true;
  };
  return [
    EditorView.cspNonce.of(nonce),
    Prec.highest(keymap.of([{ key: "Mod-Enter", run: enter }])),
    basicSetup,
    languageOf(path),
    syntaxHighlighting(classHighlighter),
    lintGutter(),
    LOOK,
    TYPED_OVER,
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange();
    }),
  ];
}

function languageOf(path: string): Extension {
  if (path.endsWith(".json")) return json();
  if (path.endsWith(".txt")) return [];
  return javascript({ typescript: /\.[mc]?ts$/.test(path) });
}
