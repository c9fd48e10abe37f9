/**
 * What the simulated model has to say: lines in several scripts, with emoji, code and JSON, so that replies meet the
 * hard parts of tokenising. Each ends with a newline and starts with something else, where tokenizers do not merge.
 *
 * @module
 */

/** The lines a reply is put together from. */
export const PHRASES: readonly string[] = [
  "The harbour was quiet when the ferry came in, HAVING lost two hours to fog.\n",
  "Let me check the numbers first: 17 * 23 = 391, and 391 / 4 = 97.75.\n",
  "A queue without a bound is a memory leak with good manners.\n",
  "Rivers carve valleys; glaciers widen them; people then argue about the view.\n",
  "First find the failing case, then shrink it until it fits on one screen.\n",
  "Antidisestablishmentarianism is long, but pneumonoultramicroscopicsilicovolcanoconiosis is longer.\n",
  "今天的天气很好，我们去湖边走走，再喝一杯热茶。\n",
  "模型先读题，再写出步骤，最后检查答案是否合理。\n",
  "駅前の小さな本屋で、古い地図を一枚買いました。\n",
  "비가 그치면 창문을 열고 새로 볶은 커피를 내려요.\n",
  "Старый мост скрипел, но держал каждую телегу до самой весны.\n",
  "Το πλοίο φεύγει στις έξι και γυρίζει πριν νυχτώσει.\n",
  "وصل القطار متأخرا، لكن الموسيقى في المحطة كانت جميلة.\n",
  "सुबह की हवा में बारिश की हल्की खुशबू थी।\n",
  "Zwölf Boxkämpfer jagten Eva quer über den großen Sylter Deich, sagt man.\n",
  "L'été dernier, nous avons réparé le vieux four à pain derrière l'école.\n",
  "El niño guardó las piedras más raras en una caja de galletas.\n",
  "🚀 Launch at dawn, 🌧️ rain at noon, 🎉 party at eight.\n",
  "Crew: 👩‍🚀👨🏽‍🍳🧑🏿‍🔬, flags: 🇯🇵🇧🇷, thumbs: 👍🏼, done ✅\n",
  '{"city": "Zürich", "temp_c": 21.5, "tags": ["lake", "🌞"], "rain": false, "note": null}\n',
  "function add(a, b) { return a + b; } // sums, no surprises\n",
  "def fib(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n",
  "SELECT name, COUNT(*) AS visits FROM guests GROUP BY name HAVING COUNT(*) > 3;\n",
  "| step | loss |\n|-----:|-----:|\n|  100 | 2.31 |\n|  200 | 1.87 |\n",
  "So the answer is \\( x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a} \\), as expected.\n",
  '<p class="note">Keep the angle brackets &amp; the ampersand.</p>\n',
  "Tabs\tand  double  spaces   stay exactly as they are.\n",
  "Naïve café façade: combining e\u0301 is not the same as é.\n",
];
