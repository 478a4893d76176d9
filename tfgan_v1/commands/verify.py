"""`verify`: shows that a run has the bits that its configuration gives here, or those of another run."""

from tfgan_v1.commands import call_of
from tfgan_v1.commands.parsing import Parser, run_of, whole
from tfgan_v1.config import Config
from tfgan_v1.config.options import flag
from tfgan_v1.errors import UserError, count_of, say
from tfgan_v1.storage import digests, names, run_folder

EXAMPLES = ("--name photos", "--all --steps 500", "--against samples/copy")
DIFFERENT = 1  # the exit code
MOST_NAMED = 5  # of what differs at the first step


def parse(call, argv):
    """The flags of `verify` in `argv`, by name."""
    parser = Parser(
        call,
        "Train a part of a run again, in a scratch folder, and compare all weights, samples and losses, bit by bit.\n"
        "Exit code 0: all are the same; 1: the first step that differs, and what. The run itself is only read.",
        EXAMPLES,
    )
    add = parser.group("flags")
    add("--ckpt")
    add("--name")
    samples = f"samples folder of the run (default: {Config.samples}/, or {Config.samples}/NAME/)"
    add("--samples", metavar="FOLDER", help=samples)
    every = "train from the beginning (default: from the state before the newest one, which takes seconds)"
    add("--all", action="store_true", help=every)
    steps = "train N steps at most (default: up to the newest state)"
    add("--steps", metavar="N", type=whole(10**9), help=steps)
    against = f"compare with the {names.DIGESTS} of another run, also from another machine, and train nothing"
    add("--against", metavar="FILE-or-FOLDER", help=against)
    add("--dataset", help="where the run's data are now")
    add("--labels", help="where its labels are now")
    add("--data-dir")
    add("--cache-dir", help="folder for decoded images (default: the user's cache)")
    return parser.parse(argv)


def run(argv, program):
    """Verifies a run. Returns the exit code."""
    flags = parse(call_of("verify", program), argv)
    ckpt, name, samples, other = (flags.pop(each) for each in ("ckpt", "name", "samples", "against"))
    config = run_of(ckpt, name)
    config = config if samples is None else config.replace(samples=samples)
    if other is None:
        return _train_again(config, flags)
    for option, value in flags.items():
        if value:
            raise UserError(f"--against trains nothing; leave out {flag(option)}")
    return _compare(config, other)


def _train_again(config, flags):
    from tfgan_v1.training.verify import verify

    found = verify(config, whole=flags.pop("all"), **flags)
    steps = f"Trained steps {found.first:,} to {found.last:,} again"
    compared = [f"{count:,} of {name}" for name, count in found.compared.items()]
    compared += [f"{found.variables} variables of step {found.last:,}"] * bool(found.variables)
    if not found.differences:
        say(f"{steps}: {', '.join(compared)} have the same bits.")
    else:
        step, _ = found.differences[0]
        first = [what for at, what in found.differences if at == step]
        more = f", and {len(first) - MOST_NAMED} more" if len(first) > MOST_NAMED else ""
        say(f"{steps}: step {step:,} is the first that differs, in {', '.join(first[:MOST_NAMED])}{more}.")
    changed = [f"Not the same: {name} {then}, now {now}." for name, then, now in found.made_by if then != now]
    same = [f"{name} {now}" for name, then, now in found.made_by if then == now]
    say(*changed, f"Versions and machine of both: {', '.join(same)}.")
    say(f"SHA-256 of the state after step {found.last:,}: {found.sha256}")
    return DIFFERENT if found.differences else 0


def _compare(config, path):
    from tfgan_v1.storage.progress import load_digests

    saved, rows = run_folder.read(config), load_digests(config)
    steps, differing, columns = digests.first_difference(rows, digests.read(path))
    if not steps or (differing is None and not steps[-1]):  # equal initial weights do not show equal training
        raise UserError(f"{path} has no step in common with {config.samples_folder}; both need the same --sample-every")
    if differing is None:
        say(f"The same bits at {count_of(len(steps), 'step')} that both have, to step {steps[-1]:,}.")
    else:
        before = [step for step in steps if step < differing][-1:]
        until = f"the same up to step {before[0]:,}" if before else "no earlier step to compare"
        say(f"Step {differing:,} is the first that differs, in: {', '.join(columns)}; {until}.")
    machine = ", ".join(f"{name} {value}" for name, value in saved.made_by.items())
    say(f"Versions and machine of {config.ckpt_folder}: {machine}.")
    return 0 if differing is None else DIFFERENT
