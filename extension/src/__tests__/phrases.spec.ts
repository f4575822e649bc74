import {
  type DomainData,
  Gettext,
  type TranslationBundle
} from '@jupyterlab/translation';
import { readFileSync } from 'fs';
import { describe, expect, it } from 'vitest';
import { Phrasebook } from '../phrases';
import * as sentences from '../sentences';
import { pointsOf, short } from '../widgets/words';

const FOLDER = 'nbcoach_extension/locale/de_DE/LC_MESSAGES';

function german(): TranslationBundle {
  const bundle = new Gettext({ domain: 'nbcoach', locale: 'de_DE' });
  const text = readFileSync(`${FOLDER}/nbcoach.json`, 'utf-8');
  const data = JSON.parse(text) as DomainData;
  const pluralForms = data[''].plural_forms;
  // As JupyterLab's own translation manager does.
  bundle.loadJSON({ ...data, '': { ...data[''], pluralForms } }, 'nbcoach');
  return bundle;
}

describe('Phrasebook', () => {
  const trans = german();
  const phrases = new Phrasebook(sentences, trans);

  it.each([
    ['The check did not hold.', 'Die Prüfung ging nicht auf.'],
    [
      'There is no totl. Did you mean total?',
      'Es gibt kein totl. Meintest du total?'
    ],
    ['mean([1]) is 2, expected 1', 'mean([1]) ist 2, erwartet wird 1'],
    [
      'f(1) is 3, expected at least 4',
      'f(1) ist 3, erwartet wird mindestens 4'
    ],
    [
      'The module math has no sqr. A file or name of yours called math would hide it.',
      'Das Modul math hat kein sqr. Eine eigene Datei oder ein eigener Name math würde es verdecken.'
    ],
    [
      'f() is None, expected 3\nA function that ends without return gives back None.',
      'f() ist None, erwartet wird 3\nEine Funktion, die ohne return endet, gibt None zurück.'
    ],
    [
      "f(1) is [1, 2], expected [1, 3]\nAt ['a: b'][1]: 2 instead of 3.",
      "f(1) ist [1, 2], erwartet wird [1, 3]\nBei ['a: b'][1]: 2 statt 3."
    ],
    [
      "t is:\n  a\nexpected:\n  b\nAt ['b']: Row 'y': 2.0 instead of 5.0.",
      "t ist:\n  a\nerwartet wird:\n  b\nBei ['b']: Zeile 'y': 2.0 statt 5.0."
    ],
    [
      'for n = 3: f(n) is 2, expected 3\nwhere a is 4',
      'für n = 3: f(n) ist 2, erwartet wird 3\ndabei ist a 4'
    ],
    ['Use a list instead of a tuple.', 'Use a list instead of a tuple.'],
    ['for all n: it is what it is', 'for all n: it is what it is'],
    ['squares(0) should raise ValueError', 'squares(0) should raise ValueError']
  ])('says %j as %j', (english, expected) => {
    expect(phrases.say(english)).toBe(expected);
  });

  it('says every sentence, and puts back what stood in its places', () => {
    for (const sentence of sentences.SENTENCES) {
      const filled = sentence.replace(/\{(\w+)\}/g, 'value$1');
      const said = phrases.say(filled);
      expect(said).not.toMatch(/\{\d\}/);
      if (filled.includes('value0') && sentence.includes('{1}')) {
        expect(said).toContain('value1');
      }
    }
  });

  it('takes the words of a value literally', () => {
    expect(phrases.say("There is no key '$&'. Look")).toContain("'$&'");
    expect(phrases.say('$& is $1, expected $2')).toBe(
      '$& ist $1, erwartet wird $2'
    );
  });

  it('writes numbers and plurals as the language does', () => {
    expect(short(1.25, trans)).toBe('1,25');
    expect(pointsOf(1, 1, trans)).toBe('1 von 1 Punkt');
    expect(pointsOf(0.5, 3, trans)).toBe('0,5 von 3 Punkten');
  });
});
