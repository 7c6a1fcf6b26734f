// The words of generated names: moods of a good day, and people who taught machines to share work.

export const adjectives = words(`
  able agile airy alert amber ample apt ardent artful astute azure balmy beaming bold brave breezy bright brisk bubbly calm candid
  careful cheery civil clear clever cosmic cosy crisp curious dapper daring dazzling deft eager early earnest easy elated fair
  famous fancy fearless fleet fond frank fresh gentle gifted glad gleeful golden good graceful grand happy hardy hearty honest
  hopeful humble ideal jolly jovial joyful keen kind lavish lively loyal lucid lucky mellow merry mighty mindful modest neat
  nimble noble novel open patient peppy placid playful plucky polite prime proud quick quiet rapid ready robust rosy serene
  sharp shiny silent sincere sleek smart snug sober solid spry stellar sunny swift tender tidy tranquil trusty upbeat valiant
  vivid warm willing wise witty zesty`);

export const surnames = words(`
  allen amdahl backus baran bell berners booth brooks cerf church codd conway cook corbato cray curry dahl dijkstra easley
  eckert engelbart estrin feinler floyd gray hamilton hamming hoare holberton hopper huffman iverson johnson kahn karp kay
  kernighan kleene kleinrock knuth lamarr lamport liskov lovelace mauchly mccarthy metcalfe milner minsky moore naur neumann
  newell noether nygaard oki ousterhout papert perlis perlman postel ritchie rivest sammet shannon shamir sifakis simon
  spaerck stallman sutherland tarjan thompson torvalds turing wilkes wing wirth yao zuse`);

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
