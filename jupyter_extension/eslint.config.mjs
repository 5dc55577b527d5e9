// What the linter holds the front end to, beyond taste: awaited promises, no `any`, no HTML from text.
import eslint from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const HTML = /^(innerHTML|outerHTML|insertAdjacentHTML|srcdoc|dangerouslySetInnerHTML)$/
  .source;
const asText =
  'Text from a run or a notebook is shown as text nodes or through IRenderMimeRegistry.';

const INERT = [
  { selector: `MemberExpression[property.name=/${HTML}/]`, message: asText },
  { selector: `JSXAttribute[name.name=/${HTML}/]`, message: asText },
  { selector: 'CallExpression[callee.name="eval"]', message: asText },
  {
    selector: 'MemberExpression[object.name="document"][property.name="write"]',
    message: asText
  }
];

// A word: two letters that follow each other. Numbers, marks and units of one letter need no translator.
const WORD = /[A-Za-z]{2}/.source;
const SEEN =
  /^(title|alt|placeholder|label|summary|aria-(label|description|roledescription|valuetext))$/
    .source;
const SAID =
  /^(label|caption|title|tooltip|placeholder|body|message|hint|usage|submitLabel|ariaLabel)$/
    .source;
const asTranslated = 'What people read goes through trans.__(…).';
const VISIBLE = [
  `JSXText[value=/${WORD}/]`,
  `JSXElement > JSXExpressionContainer > Literal[value=/${WORD}/]`,
  `JSXElement > JSXExpressionContainer > ConditionalExpression > Literal[value=/${WORD}/]`,
  `JSXElement > JSXExpressionContainer > TemplateLiteral > TemplateElement[value.raw=/${WORD}/]`,
  `JSXAttribute[name.name=/${SEEN}/] > Literal[value=/${WORD}/]`,
  `JSXAttribute[name.name=/${SEEN}/] TemplateElement[value.raw=/${WORD}/]`,
  `Property[key.name=/${SAID}/] > Literal.value[value=/${WORD}/]`,
  `Property[key.name=/${SAID}/] > TemplateLiteral.value > TemplateElement[value.raw=/${WORD}/]`
].map(selector => ({ selector, message: asTranslated }));

export default tseslint.config(
  { ignores: ['lib', 'node_modules', 'nbflow_jupyter', 'src/wire.ts'] },
  eslint.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    languageOptions: {
      parserOptions: {
        project: './tsconfig.test.json',
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true }
      ],
      // Lumino's signals take a method and the object to call it on.
      '@typescript-eslint/unbound-method': 'off',
      'no-restricted-globals': [
        'error',
        'fetch',
        'localStorage',
        'sessionStorage',
        'alert'
      ],
      'no-restricted-syntax': ['error', ...INERT, ...VISIBLE]
    }
  },
  {
    files: ['src/__tests__/**'],
    rules: {
      '@typescript-eslint/no-unsafe-member-access': 'off',
      'no-restricted-syntax': ['error', ...INERT]
    }
  }
);
