import { randomInt } from "node:crypto";
import { EngineError } from "../errors.ts";

const VALID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/**
 * Returns the name without the slash that the Engine API puts before it.
 *
 * @throws EngineError `invalid-argument` for a name that docker would refuse.
 */
export function parseContainerName(text: string): string {
  const name = text.replace(/^\//, "");
  if (VALID.test(name)) return name;
  throw new EngineError(
    "invalid-argument",
    `invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/**
 * Makes up a name such as `brisk_noether`. The caller sees whether it is free, and after a clash asks again with a
 * higher `attempt`, which adds a digit.
 */
export function randomContainerName(attempt = 0): string {
  const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}`;
  return attempt === 0 ? name : `${name}${randomInt(10)}`;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "";
}

const ADJECTIVES = words(`
  able airy alert amber ample apt arctic autumn avid bashful blithe bold bonny bouncy brave bright brisk bubbly calm
  candid careful cheery chipper civil clear clever cloudy cosy crafty crisp curious daring dashing deft dewy diligent
  dizzy dreamy dulcet eager early earnest easy elated elfin even exact fabled fair fancy fearless festive fleet fluffy
  fond frank free fresh frosty funny gallant gentle gifted giddy glad gleeful golden graceful grand happy hardy hasty
  hearty helpful honest hopeful humble icy ideal jaunty jolly jovial joyful keen kind lively loyal lucid lucky lunar
  lush mellow merry mighty mild mindful misty modest mossy neat nifty nimble noble olive open patient peaceful perky
  placid playful pleasant plucky polite prompt proud quaint quick quiet quirky radiant rapid ready regal robust rosy
  rustic sandy scenic serene sharp shiny silent silver sincere sleek smart smiling snowy snug solar spry stable steady
  stellar still sturdy subtle summer sunny sweet swift tender thrifty tidy timely tranquil trusty upbeat valiant vernal
  vivid warm wary willing windy winsome wise witty woolly wry zealous zesty zippy
`);

/** People of science, computing and seafaring. */
const SURNAMES = words(`
  abel adams agnesi alder allen ampere anning archimedes backus banneker bardeen bell bernoulli berry blackwell bohr
  boole bose boyle brahe braun brunel cannon cantor carson carver cauchy cavendish chandra clarke cook copernicus
  coulomb crick curie dalton darwin davy descartes dijkstra dirac dyson easley eddington edison ekman elion erdos euclid
  euler faraday fermat fermi fibonacci fisher fleming foucault fourier franklin fresnel galilei galois gauss germain
  gibbs goddard godel goodall hadley halley hamilton hardy harrison harvey hawking heaviside hedy henson herschel hertz
  hilbert hooke hopper hubble humboldt huygens hypatia jacobi johnson joule kahan kalman kelvin kepler khayyam knuth
  kovalev lagrange lamarr lamport laplace lavoisier leavitt leibniz lichterman linnaeus liskov lovelace lyell magellan
  maxwell mayer mccarthy mcclintock meitner mendel mercator merian minsky mitchell moore morse nansen napier nash neumann
  newton nightingale nobel noether ohm pascal pasteur pauli pauling perlman planck poincare poisson polo ptolemy quetelet
  raman ramanujan ride riemann ritchie rubin rutherford sagan sammet scott shannon somerville spence steinmetz stokes
  sutherland swan tesla thales thompson torvalds turing tyndall vaughan volta wallis watt wegener wiles wilkes wing wirth
  wozniak wright wu yalow young zuse
`);

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
