/** @jest-environment node */
import ts from 'typescript';

const ROOT = `${ts.sys.getCurrentDirectory()}/src`;
/** What of an element, or of what is handed to JupyterLab, is read by people. */
const READ =
  /^(title|label|caption|placeholder|alt|body|tooltip|aria-\w*label|ariaLabel)$/;
const WORD = /\p{L}{2,}/u;
/** Names, which are the same in every language. */
const NAMES = ['nbflow'];

/** The words a person would read, as far as they stand there untranslated. */
function untranslated(text: string, name: string): string[] {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const note = (node: ts.Node, said: string): void => {
    if (WORD.test(said) && !NAMES.includes(said.trim())) {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${name}:${line + 1}: ${said.trim()}`);
    }
  };
  /** Text that stands for itself: also within a condition or a template. */
  const literals = (node: ts.Node | undefined): void => {
    if (!node) {
      return;
    }
    if (ts.isStringLiteralLike(node)) {
      note(node, node.text);
    } else if (ts.isTemplateExpression(node)) {
      note(
        node,
        [node.head, ...node.templateSpans.map(s => s.literal)]
          .map(p => p.text)
          .join(' ')
      );
    } else if (ts.isConditionalExpression(node)) {
      literals(node.whenTrue);
      literals(node.whenFalse);
    } else if (ts.isParenthesizedExpression(node) || ts.isJsxExpression(node)) {
      literals(node.expression);
    } else if (
      ts.isBinaryExpression(node) &&
      /^(\|\||&&|\?\?|\+)$/.test(node.operatorToken.getText())
    ) {
      literals(node.left);
      literals(node.right);
    }
  };
  const look = (node: ts.Node): void => {
    if (ts.isJsxText(node)) {
      note(node, node.text);
    } else if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) {
      literals(node);
    } else if (ts.isJsxAttribute(node) && READ.test(node.name.getText())) {
      literals(node.initializer);
    } else if (ts.isPropertyAssignment(node) && READ.test(node.name.getText())) {
      literals(node.initializer);
    } else if (
      ts.isCallExpression(node) &&
      /^(Notification\.\w+|showErrorMessage)$/.test(node.expression.getText())
    ) {
      node.arguments.forEach(literals);
    }
    ts.forEachChild(node, look);
  };
  look(file);
  return found;
}

test('what people read goes through the translator', () => {
  const files = ts.sys.readDirectory(ROOT, ['.ts', '.tsx'], ['__tests__']);
  expect(files.length).toBeGreaterThan(100);
  const found = files.flatMap(path =>
    untranslated(ts.sys.readFile(path) ?? '', path.slice(ROOT.length + 1))
  );
  expect(found).toEqual([]);
});

test.each([
  ['<p>Nothing here</p>', 1],
  ['<p title="Nothing here">{trans.__("Something")}</p>', 1],
  ['<p aria-label={empty ? "Nothing" : trans.__("Something")} />', 1],
  ['<p>{count > 1 && `${count} runs`}</p>', 1],
  ['commands.addCommand(id, { label: "Run", caption: trans.__("Run it") })', 1],
  ['Notification.info("Done")', 1],
  ['<p className="jp-Some">{trans.__("Something")} · {count} %</p>', 0],
  ['<nbflowIcon.react tag="span" title={trans.__("Something")} />', 0]
])('%s: %d', (source, count) => {
  expect(untranslated(source, 'some.tsx')).toHaveLength(count);
});
