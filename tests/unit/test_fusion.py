"""Two rankings become one."""

from shared.index.fusion import fuse


def test_first_in_both_rankings_scores_one():
    assert fuse([[("a", 0.8), ("b", 0.4)], [("a", 12.0)]], 2) == [("a", 1.0), ("b", 0.25)]


def test_a_match_far_ahead_by_words_outweighs_a_slightly_nearer_meaning():
    near = [("other", 0.62), ("right", 0.60)]
    words = [("right", 20.0), ("other", 4.0)]
    assert next(iter(fuse([near, words], 2)))[0] == "right"


def test_equal_scores_come_in_one_order_whatever_order_they_are_given_in():
    one = [("a", 3.0), ("b", 3.0), ("c", 3.0)]
    assert fuse([one, one], 3) == fuse([one[::-1], one], 3)
    assert [found for found, _ in fuse([one[::-1]], 2)] == ["a", "b"]


def test_a_single_ranking_is_kept():
    assert fuse([[("a", 0.5), ("b", 0.25)], []], 5) == [("a", 1.0), ("b", 0.5)]


def test_scores_that_are_not_positive_count_as_nothing():
    assert fuse([[("a", -0.1), ("b", -0.2)], [("b", 1.0)]], 5) == [("b", 0.5), ("a", 0.0)]


def test_nothing_found_is_nothing():
    assert fuse([[], []], 3) == []
