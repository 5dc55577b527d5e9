// Models and components are tested without JupyterLab: a fake API, a fake socket, jsdom.
module.exports = {
  testEnvironment: 'jsdom',
  testMatch: ['<rootDir>/src/__tests__/**/*.test.{ts,tsx}'],
  modulePathIgnorePatterns: ['<rootDir>/nbflow_jupyter', '<rootDir>/lib'],
  transform: {
    '^.+\\.tsx?$': ['ts-jest', { tsconfig: 'tsconfig.test.json', diagnostics: false }]
  },
  moduleFileExtensions: ['ts', 'tsx', 'js', 'json']
};
