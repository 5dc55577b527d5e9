// Models and components are tested without JupyterLab: a fake API, a fake socket, jsdom.
module.exports = {
  testEnvironment: 'jsdom',
  testMatch: ['<rootDir>/src/__tests__/**/*.test.{ts,tsx}'],
  transform: {
    '^.+\\.tsx?$': [
      'ts-jest',
      {
        tsconfig: {
          ...require('./tsconfig.test.json').compilerOptions,
          module: 'commonjs',
          moduleResolution: 'node10',
          jsx: 'react',
          target: 'ES2022',
          esModuleInterop: true,
          isolatedModules: true
        },
        diagnostics: false
      }
    ]
  },
  moduleFileExtensions: ['ts', 'tsx', 'js', 'json']
};
