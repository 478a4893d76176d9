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
  // images
  generated: ["generated", "생성"],
  real: ["real", "실제"],
  class: ["class {name}", "클래스 {name}"],
  image_of: ["Image {number}, {name}", "이미지 {number}번, {name}"],
  sheet: ["{shown} at {place}", "{place}: {shown}"],
  real_images: ["real images", "실제 이미지"],
  enlarge: ["The pointer shows an image larger; a click keeps it.", "포인터를 대면 크게 보이고, 누르면 계속 볼 수 있습니다."],
  tap: ["A tap on an image enlarges it.", "이미지를 누르면 크게 보입니다."],
  none: ["No samples yet.", "아직 샘플이 없습니다."],
  // points: {value} is a number
  unrecorded: ["Nothing was recorded at this step.", "이 스텝에는 기록이 없습니다."],
  field_1: ["Densities, D and G of points on a line", "직선 위 점들의 밀도와 D, G"],
  field_2: ["Points of a plane, with D and G", "평면 위의 점들과 D, G"],
  field_3: ["Two columns of points", "점들의 두 열"],
  n_modes: ["{count} of {all} modes", "모드 {all}개 중 {count}개"],
  n_on_mode: ["{value} on modes{real}", "모드 위에 {value}{real}"],
  n_reverse_kl: ["reverse KL {value}{real}", "역방향 KL {value}{real}"],
  n_sliced_wasserstein: ["sliced Wasserstein {value}{real}", "슬라이스 바서슈타인 {value}{real}"],
  n_kl_divergence: ["KL {value}{real}", "KL {value}{real}"],
  n_d: ["D from {low} to {high}", "D는 {low}부터 {high}까지"],
  n_gradient: ["mean gradient {value}", "기울기 평균 {value}"],
  point: ["Point at the picture to read D there.", "그림을 가리키면 그 자리의 D를 보여 줍니다."],
  point_place: ["Point at the picture to read a place.", "그림을 가리키면 그 자리의 값을 보여 줍니다."],
  layers: ["Layers", "보이는 것"],
  layer_real: ["Real", "실제"],
  layer_fake: ["Generated", "생성"],
  layer_d: ["D: blue real, red generated", "D: 파랑은 실제, 빨강은 생성"],
  layer_d_1: ["D and the optimal D*", "D와 최적의 D*"],
  layer_scores: ["D's scores: blue high, red low", "D의 점수: 파랑은 높음, 빨강은 낮음"],
  layer_g: ["G's grid", "G의 격자"],
  layer_g_1: ["z to G(z)", "z에서 G(z)로"],
  layer_gradient: ["Gradients", "기울기"],
  layer_modes: ["Modes", "모드"],
  column: ["column {number}", "{number}번째 열"],
  column_across: ["column to the right", "가로축의 열"],
  column_up: ["column upwards", "세로축의 열"],
  pairs: ["Two of {all} columns are drawn.", "{all}개 열 가운데 두 열을 그렸습니다."],
  about_arrows: ["Arrows: where G's loss pulls each point.", "화살표: G의 손실이 점을 끌어당기는 방향."],
  about_grid: ["Grid: {m} x {m} values of z, {text}; small cells are dense.", "격자: z값 {m} x {m}개({text}). 작은 칸일수록 점이 몰립니다."],
  about_line: ["Violet: {m} values of z, {text}, and their x = G(z); below, G as a curve, with z upwards.",
    "보라: z값 {m}개({text})와 x = G(z). 맨 아래는 z를 세로로 둔 G의 곡선."],
  about_curve: ["Violet: {m} values of z, {text}, and their G(z).", "보라: z값 {m}개({text})의 G(z)."],
  about_slice: ["A slice: the other {others} values of z are 0.", "단면: 나머지 z값 {others}개는 0입니다."],
  about_modes: ["Green circles: modes that the points shown reach.", "초록 원: 보이는 점들이 닿은 모드."],
  modes_curve: ["Modes", "모드"],
  modes_series: ["share of modes reached", "닿은 모드의 비율"],
  on_series: ["share of points on modes", "모드 위 점들의 비율"],
  modes_caption: ["Within 3 deviations of a mode; dashed: of real points.", "모드에서 표준 편차의 3배 안. 점선은 실제 점들의 값."],
  reverse_kl_curve: ["Reverse KL divergence", "역방향 KL 발산"],
  reverse_kl_caption: ["Of the generated points over the modes, one bin for what is on none; 0 is best.", "생성한 점들이 모드에 퍼진 정도. 어느 모드에도 없는 점은 한 칸. 0이 최선."],
  sliced_wasserstein_curve: ["Sliced Wasserstein distance", "슬라이스 바서슈타인 거리"],
  sliced_wasserstein_caption: ["Between generated and real points; dashed: 0, and between two sets of real points.", "생성한 점과 실제 점 사이. 점선은 0과, 두 묶음의 실제 점 사이."],
  kl_divergence_curve: ["KL divergence", "KL 발산"],
  kl_divergence_caption: ["KL(real || generated), in nats; 0 is best.", "KL(실제 || 생성), 단위는 nat. 0이 최선."],
  gradient_curve: ["G's gradient", "G의 기울기"],
  gradient_series: ["mean norm", "크기의 평균"],
  gradient_caption: ["How strongly G's loss pulls a generated point, on average; 0 teaches G nothing.",
    "G의 손실이 생성한 점 하나를 끌어당기는 힘의 평균. 0이면 G는 아무것도 배우지 못합니다."],
  // why it goes wrong: what it is, and what to try; {numbers} are the run's own
  collapse: ["Mode collapse: G makes few kinds of samples{numbers}. Try a smaller --g-lr, --d-steps 2, a penalty such as --penalty r1, or --pack 2.",
    "모드 붕괴: G가 몇 종류만 만듭니다{numbers}. 더 작은 --g-lr, --d-steps 2, --penalty r1 같은 페널티, --pack 2를 써 보세요."],
  d_won: ["D has won: it tells all samples apart, and G gets almost no gradient{numbers}. Try a smaller --d-lr, --smooth 0.1, or --penalty r1.",
    "D가 이겼습니다: 모든 샘플을 가려내어 G가 받는 기울기가 거의 없습니다{numbers}. 더 작은 --d-lr, --smooth 0.1, --penalty r1을 써 보세요."],
  oscillation: ["Oscillation: G and D chase each other, and samples come and go{numbers}. Try smaller learning rates, --beta1 0.5, or --penalty r1.",
    "진동: G와 D가 서로 쫓아다녀 샘플이 나타났다 사라집니다{numbers}. 더 작은 학습률, --beta1 0.5, --penalty r1을 써 보세요."],
  bridges: ["Bridges: samples lie between the modes, where there are no data{numbers}. Try more steps, a larger D, or a smaller --penalty-weight.",
    "다리: 데이터가 없는 모드 사이에 샘플이 있습니다{numbers}. 더 오래 학습하거나, D를 키우거나, --penalty-weight를 줄여 보세요."],
  memorization: ["Memorization: the networks know the training data by heart{numbers}. Try more data, --augment, a smaller D, or fewer steps.",
    "암기: 신경망이 학습 데이터를 외웠습니다{numbers}. 데이터를 늘리거나, --augment를 쓰거나, D를 줄이거나, 일찍 멈춰 보세요."],
  name_modes: ["modes", "모드"],
  name_on_mode: ["share on modes", "모드 위의 비율"],
  name_reverse_kl: ["reverse KL", "역방향 KL"],
  name_d_x: ["D(x)", "D(x)"],
  name_d_g_z: ["D(G(z))", "D(G(z))"],
  name_gradient_mean: ["mean gradient", "기울기 평균"],
  name_of: ["of", "전체"],
  name_real_on_mode: ["of real points", "실제 점들은"],
  name_spread: ["variety, where real data have 1:", "실제 데이터가 1일 때 다양함"],
  name_moved: ["change of a sample, where another one differs by 1:", "다른 샘플과의 차이가 1일 때 한 샘플의 변화"],
  name_training: ["D on training images", "학습 이미지에 대한 D"],
  name_held_out: ["on held-out ones", "떼어 둔 이미지에 대한 D"],
  name_copied: ["copied", "복제"],
  more: ["More", "더 보기"],
  more_in: ["More in docs/when-training-goes-wrong.md.", "더 보기: docs/when-training-goes-wrong.md."],
  // what made the run
  differs: ["Differs from the preset:", "프리셋과 다른 점:"],
  as_preset: ["All options are the preset's.", "모든 설정이 프리셋 그대로입니다."],
  command: ["The command", "명령"],
  configuration: ["All options (bold: other than the preset's)", "모든 설정(굵은 글씨: 프리셋과 다름)"],
  curves: ["Curves", "곡선"],
  thinned: ["To keep this file small, it shows {shown} of {all} recorded steps, evenly spread.",
    "파일이 커지지 않도록 기록된 스텝 {all}개 중 {shown}개를 고르게 뽑아 보여 줍니다."],
  follows: ["This run is training; the page follows it.", "학습 중이며, 이 페이지가 따라갑니다."],
  // keys
  key_steps: ["one step", "한 스텝씩"],
  key_ends: ["first and last", "처음과 끝"],
  key_play: ["play and pause", "재생과 멈춤"],
  key_slow: ["slow motion", "느린 재생"],
  key_real: ["real images", "실제 이미지"],
  key_whole: ["the grid at full size", "격자를 전체 크기로"],
  key_layers: ["switch a layer", "층 하나 켜고 끄기"],
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
  [/^sliced wasserstein$/i, "슬라이스 바서슈타인 거리"],
  [/^uniform in (.*)$/, "균등 분포 $1"],
  [/^normal, mean 0, deviation 1$/, "표준 정규 분포"],
  [/^Plot: (.*)$/, (_, caption) => `그래프: ${translated(caption)}`],
  [/^(.*); faint: single steps, with their running mean\.(.*)$/, (_, before, after) =>
    `${translated(`${before}.${after}`)} 옅은 선은 스텝 하나하나, 진한 선은 이동 평균.`],
  [/^(.*); dashed: at the equilibrium\.$/, (_, before) => `${translated(`${before}.`)} 점선은 균형점의 값.`],
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
