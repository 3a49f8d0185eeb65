/** A friendly name for somebody who has not chosen one, in the language that they read. */
export function guestName(language: "en" | "ko", random: () => number = Math.random): string {
  const { adjectives, nouns } = WORDS[language];
  return `${pick(adjectives, random)} ${pick(nouns, random)}`;
}

const WORDS = {
  en: {
    adjectives: [
      "Quiet",
      "Bright",
      "Gentle",
      "Brave",
      "Curious",
      "Sunny",
      "Swift",
      "Warm",
      "Merry",
      "Calm",
      "Clever",
      "Kind",
      "Lucky",
      "Early",
      "Golden",
      "Patient",
    ],
    nouns: [
      "Otter",
      "Magpie",
      "Pine",
      "Tiger",
      "Crane",
      "Maple",
      "Badger",
      "Heron",
      "Persimmon",
      "Lantern",
      "River",
      "Willow",
      "Sparrow",
      "Deer",
      "Fox",
      "Moon",
    ],
  },
  ko: {
    adjectives: [
      "조용한",
      "환한",
      "다정한",
      "용감한",
      "궁금한",
      "포근한",
      "날쌘",
      "따뜻한",
      "즐거운",
      "차분한",
      "슬기로운",
      "상냥한",
      "반가운",
      "부지런한",
      "느긋한",
      "씩씩한",
    ],
    nouns: [
      "수달",
      "까치",
      "소나무",
      "호랑이",
      "두루미",
      "단풍",
      "오소리",
      "왜가리",
      "감나무",
      "등불",
      "강물",
      "버들",
      "참새",
      "사슴",
      "여우",
      "달님",
    ],
  },
} as const;

function pick(words: readonly string[], random: () => number): string {
  return words[Math.floor(random() * words.length)]!;
}
