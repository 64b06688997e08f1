/**
 * When each target of a batch begins and ends, by the rules of workflows/lanes.ts and workflows/slices.ts: every lane takes the next
 * host when it is free, a slot takes the next slice when the one it has is done, and nobody takes a host out below the floor.
 */
import { planSlices, SLICE_MAX } from '../plan/slices.ts';

export interface LaneWork {
  /** one per host, in the order in which lanes take them */
  readonly durationsMs: ArrayLike<number>;
  readonly lanes: number;
  readonly capacity?: LaneCapacity;
}

/** `inService` is the count when the work begins. A host that may not be taken out keeps its lane until another one serves again. */
export interface LaneCapacity {
  readonly inService: number;
  readonly floor: number;
  /** the host at this place serves now and is taken out */
  readonly leaves: (place: number) => boolean;
  /** the host at this place serves once its work is done */
  readonly returns: (place: number) => boolean;
}

/** Milliseconds from the beginning of the work. */
export interface LaneTimes {
  readonly beginsMs: Float64Array;
  readonly endsMs: Float64Array;
  readonly endMs: number;
  /** hosts that were never begun, for nobody came back whom they waited for */
  readonly stuck: readonly number[];
}

/** A slot works on one slice: `next` is the place of the host its lanes take next. */
interface Slot {
  readonly lanes: number;
  next: number;
  end: number;
  atWork: number;
}

export function laneTimes(work: LaneWork): LaneTimes {
  const { durationsMs } = work;
  const beginsMs = new Float64Array(durationsMs.length);
  const endsMs = new Float64Array(durationsMs.length).fill(Number.NaN);
  const book: Book = { work, beginsMs, endsMs, slotOf: new Uint32Array(durationsMs.length), running: new EndQueue(endsMs), waiting: [], inService: work.capacity?.inService ?? 0, nowMs: 0 };
  const slots = slotsOf(work);
  let part = slots.slots.length;
  slots.slots.forEach((slot, index) => fill(book, slot, index));
  for (let place = book.running.take(); place !== null; place = book.running.take()) {
    book.nowMs = endsMs[place] ?? 0;
    if (work.capacity?.returns(place)) book.inService += 1;
    wake(book);
    const index = book.slotOf[place] ?? 0;
    const slot = slots.slots[index];
    if (slot === undefined) continue;
    slot.atWork -= 1;
    if (slot.next >= slot.end && slot.atWork === 0 && part < slots.parts.length) {
      [slot.next, slot.end] = slots.parts[part] ?? [0, 0];
      part += 1;
    }
    fill(book, slot, index);
  }
  return { beginsMs, endsMs, endMs: book.nowMs, stuck: [...endsMs.keys()].filter((place) => Number.isNaN(endsMs[place])) };
}

interface Book {
  readonly work: LaneWork;
  readonly beginsMs: Float64Array;
  readonly endsMs: Float64Array;
  readonly slotOf: Uint32Array;
  readonly running: EndQueue;
  /** places whose lanes wait for a host to come back, first come first served */
  waiting: number[];
  inService: number;
  nowMs: number;
}

function slotsOf({ durationsMs, lanes }: LaneWork): { readonly slots: readonly Slot[]; readonly parts: readonly (readonly [number, number])[] } {
  const count = durationsMs.length;
  if (count <= SLICE_MAX) return { slots: [{ lanes: Math.max(1, lanes), next: 0, end: count, atWork: 0 }], parts: [[0, count]] };
  const planned = planSlices({ hosts: Array.from({ length: count }, () => ''), lanes, hostsMax: SLICE_MAX });
  let begin = 0;
  const parts = planned.slices.map(({ length }) => [begin, (begin += length)] as const);
  return { slots: planned.slots.map((own, index) => ({ lanes: own, next: parts[index]?.[0] ?? 0, end: parts[index]?.[1] ?? 0, atWork: 0 })), parts };
}

/** Free lanes of the slot take the hosts that come next. */
function fill(book: Book, slot: Slot, index: number): void {
  while (slot.atWork < slot.lanes && slot.next < slot.end) {
    const place = slot.next;
    slot.next += 1;
    slot.atWork += 1;
    book.slotOf[place] = index;
    if (!begin(book, place)) book.waiting.push(place);
  }
}

function wake(book: Book): void {
  if (book.waiting.length > 0) book.waiting = book.waiting.filter((place) => !begin(book, place));
}

/** False when the floor forbids it now. */
function begin(book: Book, place: number): boolean {
  const { capacity, durationsMs } = book.work;
  if (capacity?.leaves(place)) {
    if (book.inService - 1 < capacity.floor) return false;
    book.inService -= 1;
  }
  book.beginsMs[place] = book.nowMs;
  book.endsMs[place] = book.nowMs + (durationsMs[place] ?? 0);
  book.running.add(place);
  return true;
}

/** Places by when they end, the earlier place first when two end together. A binary heap. */
class EndQueue {
  readonly #endsMs: Float64Array;
  readonly #heap: number[] = [];

  constructor(endsMs: Float64Array) {
    this.#endsMs = endsMs;
  }

  add(place: number): void {
    const heap = this.#heap;
    let hole = heap.push(place) - 1;
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      if (!this.#isBefore(place, heap[above] as number)) break;
      heap[hole] = heap[above] as number;
      hole = above;
    }
    heap[hole] = place;
  }

  take(): number | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(place: number): void {
    const heap = this.#heap;
    let hole = 0;
    for (;;) {
      let below = 2 * hole + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && this.#isBefore(heap[below + 1] as number, heap[below] as number)) below += 1;
      if (!this.#isBefore(heap[below] as number, place)) break;
      heap[hole] = heap[below] as number;
      hole = below;
    }
    heap[hole] = place;
  }

  #isBefore(place: number, other: number): boolean {
    const [mine, theirs] = [this.#endsMs[place] as number, this.#endsMs[other] as number];
    return mine < theirs || (mine === theirs && place < other);
  }
}
