/* Tests common/rpc/admit.c: who may use a worker, and who waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/admit.h"

static sfms_work
work(sfms_lane lane, unsigned turn)
{
    return (sfms_work){.lane = lane, .turn = turn};
}

static void
a_worker_is_left_for_reads_and_health(void **state)
{
    sfms_admission *a = sfms_admission_new(6);
    sfms_work slow[4], writes[4], read = work(SFMS_LANE_READ, 1), health = work(SFMS_LANE_HEALTH, 1);
    int running = 0;

    (void)state;
    for (int i = 0; i < 4; i++) {
        slow[i] = work(SFMS_LANE_SLOW, (unsigned)i);
        writes[i] = work(SFMS_LANE_WRITE, (unsigned)i);
        running += sfms_admit(a, &slow[i]) + sfms_admit(a, &writes[i]);
    }
    assert_int_equal(running, 5);
    assert_true(sfms_admit(a, &read));
    assert_true(sfms_admit(a, &health));
    sfms_admission_free(a);
}

static void
one_organisation_leaves_a_worker_for_somebody_elses_list(void **state)
{
    sfms_admission *a = sfms_admission_new(6);
    sfms_work greedy[4], other = work(SFMS_LANE_SLOW, 2);

    (void)state;
    for (int i = 0; i < 4; i++) {
        greedy[i] = work(SFMS_LANE_SLOW, 1);
        assert_int_equal(sfms_admit(a, &greedy[i]), i < 2);
    }
    assert_true(sfms_admit(a, &other));
    assert_ptr_equal(sfms_admit_next(a, &other), NULL); /* not for the greedy one */
    assert_ptr_equal(sfms_admit_next(a, &greedy[0]), &greedy[2]);
    assert_ptr_equal(sfms_admit_next(a, &greedy[1]), &greedy[3]);
    assert_ptr_equal(sfms_admit_next(a, &greedy[2]), NULL);
    sfms_admission_free(a);
}

static void
who_came_first_is_first_among_those_that_may(void **state)
{
    sfms_admission *a = sfms_admission_new(6);
    sfms_work running[3], greedy = work(SFMS_LANE_SLOW, 1), late = work(SFMS_LANE_SLOW, 9);

    (void)state;
    running[0] = running[1] = work(SFMS_LANE_SLOW, 1);
    running[2] = work(SFMS_LANE_SLOW, 2);
    for (int i = 0; i < 3; i++)
        assert_true(sfms_admit(a, &running[i]));
    assert_false(sfms_admit(a, &greedy));
    assert_false(sfms_admit(a, &late));
    assert_ptr_equal(sfms_admit_next(a, &running[2]), &late);
    assert_ptr_equal(sfms_admit_next(a, &running[0]), &greedy);
    assert_ptr_equal(sfms_admit_next(a, &late), NULL);
    sfms_admission_free(a);
}

static void
one_worker_does_everything(void **state)
{
    sfms_admission *a = sfms_admission_new(1);

    (void)state;
    for (sfms_lane lane = 0; lane < SFMS_LANES; lane++) {
        sfms_work one = work(lane, 3);

        assert_true(sfms_admit(a, &one));
        assert_ptr_equal(sfms_admit_next(a, &one), NULL);
    }
    sfms_admission_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_is_left_for_reads_and_health),
        cmocka_unit_test(one_organisation_leaves_a_worker_for_somebody_elses_list),
        cmocka_unit_test(who_came_first_is_first_among_those_that_may),
        cmocka_unit_test(one_worker_does_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
