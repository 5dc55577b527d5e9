// What the linter holds the front end to, beyond taste: awaited promises, no `any`, no HTML from text.
import eslint from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const HTML = /^(innerHTML|outerHTML|insertAdjacentHTML|srcdoc|dangerouslySetInnerHTML)$/
  .source;
const asText =
  'Text from a run or a notebook is shown as text nodes or through IRenderMimeRegistry.';

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
      'no-restricted-syntax': [
        'error',
        { selector: `MemberExpression[property.name=/${HTML}/]`, message: asText },
        { selector: `JSXAttribute[name.name=/${HTML}/]`, message: asText },
        { selector: 'CallExpression[callee.name="eval"]', message: asText },
        {
          selector: 'MemberExpression[object.name="document"][property.name="write"]',
          message: asText
        }
      ]
    }
  },
  {
    files: ['src/__tests__/**'],
    rules: { '@typescript-eslint/no-unsafe-member-access': 'off' }
  }
);
