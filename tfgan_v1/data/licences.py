"""What is known of the licence of each data set, as commonly cited, for files that go elsewhere. No legal advice."""

_MNIST = "MNIST (Yann LeCun, Corinna Cortes, Christopher J. C. Burges), commonly cited as CC BY-SA 3.0"
NOTES = {  # name of a data set -> what a generator was trained on
    "mnist": f"Trained on {_MNIST}: name the source where you publish.",
    "mnist_warped": f"Trained on warped images of 5,000 digits of {_MNIST}: name the source where you publish.",
    "stacked_mnist": f"Trained on stacked digits of {_MNIST}: name the source where you publish.",
    "fashion_mnist": "Trained on Fashion-MNIST (Han Xiao, Kashif Rasul, Roland Vollgraf; Zalando SE), MIT licence: "
    "keep the copyright notice where you pass on the data.",
    "digits": "Trained on Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak, 1998; UCI Machine "
    "Learning Repository), CC BY 4.0: name the source where you publish.",
    "gaussian": "Trained on draws from a normal distribution, in which nobody has rights.",
}
OWN = (
    "Trained on data of the user's own. The rights in this generator and in its images follow from the rights in these "
    "data, which tfgan_v1 does not know: before you publish or pass on either, make sure that you may."
)


def note(name):
    """The licence note of a data set by the name that config.json has: a sentence or two."""
    return NOTES.get(name, OWN)
