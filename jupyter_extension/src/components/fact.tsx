/**
 * One fact in a list of facts (`<dl>`): its name and its value.
 */
import React from 'react';

export interface IFact {
  label: string;
  children: React.ReactNode;
}

export function Fact({ label, children }: IFact): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
