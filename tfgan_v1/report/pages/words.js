"use strict";
// The words of the pages in English and Korean, and the choice of the language.

const LANGUAGES = ["en", "ko"];
const WORDS = {
  // controls
  play: ["Play", "재생"],
  pause: ["Pause", "멈춤"],
  slow: ["Slow", "느리게"],
  between: ["between two recorded steps", "기록된 두 스텝 사이"],
  step: ["sampling step", "샘플링 스텝"],
  other: ["한국어", "English"],
  help: ["Help", "도움말"],
  keys: ["Keys", "키"],
  close: ["Close", "닫기"],
  copy: ["Copy", "복사"],
  copied: ["Copied", "복사됨"],
  compare: ["Real images", "실제 이미지"],
  whole: ["Full size", "전체 크기"],
  actual: ["1:1", "1:1"],
  previous: ["Previous image", "이전 이미지"],
  following: ["Next image", "다음 이미지"],
  // places: {x} is a number in the unit
  epoch: ["epoch {x}", "에포크 {x}"],
  unit_step: ["step {x}", "스텝 {x}"],
  sample: ["sample {x}", "샘플 {x}"],
  // images
  generated: ["generated", "생성"],
  real: ["real", "실제"],
  image: ["Image {number}", "이미지 {number}번"],
  image_of: ["Image {number}, {name}", "이미지 {number}번, {name}"],
  sheet: ["{shown} at {place}", "{place}: {shown}"],
  real_images: ["real images", "실제 이미지"],
  enlarge: ["The pointer shows an image larger; a click keeps it.", "포인터를 대면 크게 보이고, 누르면 계속 볼 수 있습니다."],
  none: ["No samples yet.", "아직 샘플이 없습니다."],
  // what made the run
  differs: ["Differs from the preset:", "프리셋과 다른 점:"],
  as_preset: ["All options are the preset's.", "모든 설정이 프리셋 그대로입니다."],
  command: ["The command", "명령"],
  configuration: ["All options (bold: other than the preset's)", "모든 설정(굵은 글씨: 프리셋과 다름)"],
  curves: ["Curves", "곡선"],
  noscript: ["This page needs JavaScript.", "이 페이지에는 자바스크립트가 필요합니다."],
  follows: ["This run is training; the page follows it.", "학습 중이며, 이 페이지가 따라갑니다."],
  // keys
  key_steps: ["one step", "한 스텝씩"],
  key_ends: ["first and last", "처음과 끝"],
  key_play: ["play and pause", "재생과 멈춤"],
  key_slow: ["slow motion", "느린 재생"],
  key_real: ["real images", "실제 이미지"],
  key_whole: ["the grid at full size", "격자를 전체 크기로"],
  key_help: ["this help", "이 도움말"],
};

// Texts that the trainer wrote, in English, and their Korean.
const WRITTEN = [
  [/^Training Losses$/, "학습 손실"],
  [/^Discriminator outputs$/, "판별자의 출력"],
  [/^Discriminator scores$/, "판별자의 점수"],
  [/^Discriminator outputs on real images$/, "실제 이미지에 대한 판별자의 출력"],
  [/^Discriminator$/, "판별자"],
  [/^Generator$/, "생성자"],
  [/^training images$/, "학습 이미지"],
  [/^held-out images$/, "떼어 둔 이미지"],
  [/^generated images$/, "생성한 이미지"],
  [/^KL divergence$/, "KL 발산"],
  [/^Plot: (.*)$/, (_, caption) => `그래프: ${translated(caption)}`],
  [/^(.*); faint: single steps, with their running mean\.(.*)$/, (_, before, after) =>
    `${translated(`${before}.${after}`)} 옅은 선은 스텝 하나하나, 진한 선은 이동 평균.`],
  [/^Loss of discriminator and generator by (\w+)\.$/, "판별자와 생성자의 손실."],
  [/^D's mean probability that real images \(x\) and generated ones \(G\(z\)\) are real, by (\w+)\. 0\.5 is the optimum\.$/,
    "실제 이미지(x)와 생성한 이미지(G(z))가 진짜일 확률을 D가 평균 얼마로 보는지. 0.5가 최적."],
  [/^D's mean scores by (\w+)\.$/, "D의 평균 점수."],
  [/^D's mean output on training and held-out images by (\w+); a gap is overfitting\.$/,
    "학습 이미지와 떼어 둔 이미지에 대한 D의 평균 출력. 벌어지면 과적합."],
  [/^Of generated images, by (\w+); dashed: of real images, (.*)\.$/, "생성한 이미지의 값. 점선은 실제 이미지의 값 $2."],
  [/^([\d,]+) generated images, at each step of the same noise$/, "생성한 이미지 $1장, 모든 스텝에서 같은 노이즈"],
  [/^([\d,]+) generated points, at each step of the same noise$/, "생성한 점 $1개, 모든 스텝에서 같은 노이즈"],
  [/^([\d,]+) generated images$/, "생성한 이미지 $1장"],
  [/^([\d,]+) generated points$/, "생성한 점 $1개"],
  [/^([\d,]+) sets of samples$/, "샘플 $1묶음"],
  [/^(.+), ([\d,]+) images of (.+), (\w+ [\d,.]+) of ([\d,]+)$/, (_, model, count, data, place, all) =>
    `${model}, ${data}의 이미지 ${count}장, ${translated(place)} / ${all}`],
  [/^(.+), ([\d,]+) points of (.+), (\w+ [\d,.]+) of ([\d,]+)$/, (_, model, count, data, place, all) =>
    `${model}, ${data}의 점 ${count}개, ${translated(place)} / ${all}`],
  [/^epoch ([\d,.]+)$/, "에포크 $1"],
  [/^step ([\d,.]+)$/, "스텝 $1"],
  [/^sample ([\d,.]+)$/, "샘플 $1"],
];

let language = 0;  // an index of LANGUAGES

// ?lang=ko, what the reader chose on this page before, or the browser's language.
function chooseLanguage(chosen) {
  const wanted = chosen || new URLSearchParams(location.search).get("lang") || navigator.language || "";
  language = Math.max(0, LANGUAGES.findIndex(each => wanted.toLowerCase().startsWith(each)));
}

// A word, with values in place of {name}.
function say(word, values = {}) {
  return WORDS[word][language].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A text that the trainer wrote, in the page's language where it is known.
function translated(text) {
  if (!language || !text) return text || "";
  const known = WRITTEN.find(([pattern]) => pattern.test(text));
  return known ? text.replace(known[0], known[1]) : text;
}

// Writes the words of all elements that have data-word, or data-label for screen readers.
function translatePage() {
  document.documentElement.lang = LANGUAGES[language];
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = say(each.dataset.word);
  for (const each of document.querySelectorAll("[data-label]")) {
    each.setAttribute("aria-label", say(each.dataset.label));
    each.title = each.dataset.tip === undefined ? each.title : say(each.dataset.label);
  }
}
