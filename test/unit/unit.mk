# The unit tests: pure code by tables of cases, and programs against scripted engines.
if HAVE_CMOCKA
unit_tests = \
	test/unit/test_actor \
	test/unit/test_agent \
	test/unit/test_api \
	test/unit/test_args \
	test/unit/test_base \
	test/unit/test_baseline \
	test/unit/test_basis \
	test/unit/test_behaviour \
	test/unit/test_cloudsim \
	test/unit/test_cluster \
	test/unit/test_config \
	test/unit/test_constraint \
	test/unit/test_decide \
	test/unit/test_decode \
	test/unit/test_eligibility \
	test/unit/test_filter \
	test/unit/test_guard \
	test/unit/test_histogram \
	test/unit/test_http \
	test/unit/test_journal \
	test/unit/test_keeper \
	test/unit/test_lease \
	test/unit/test_lastword \
	test/unit/test_linear \
	test/unit/test_mover \
	test/unit/test_mover_check \
	test/unit/test_mover_effects \
	test/unit/test_mover_engine \
	test/unit/test_mover_journal \
	test/unit/test_mover_judge \
	test/unit/test_mover_labels \
	test/unit/test_mover_kills \
	test/unit/test_mover_lease \
	test/unit/test_mover_people \
	test/unit/test_mover_premise \
	test/unit/test_mover_recover \
	test/unit/test_mover_spec \
	test/unit/test_mover_table \
	test/unit/test_nocore \
	test/unit/test_notify \
	test/unit/test_observe \
	test/unit/test_order \
	test/unit/test_plan \
	test/unit/test_power \
	test/unit/test_profile \
	test/unit/test_query \
	test/unit/test_request \
	test/unit/test_restore \
	test/unit/test_reward \
	test/unit/test_sample \
	test/unit/test_sampler \
	test/unit/test_schema \
	test/unit/test_spec \
	test/unit/test_spec_before \
	test/unit/test_spec_forms \
	test/unit/test_spec_undo \
	test/unit/test_steer \
	test/unit/test_store \
	test/unit/test_text \
	test/unit/test_traffic \
	test/unit/test_window \
	test/unit/test_wishes \
	test/unit/test_writer

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

test_cflags = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) -DTEST_DATA='"$(abs_top_srcdir)/test/data"'
test_libs = $(libraries) $(CMOCKA_LIBS)
test_unit_test_actor_SOURCES = test/unit/test_actor.c
test_unit_test_actor_CPPFLAGS = $(test_cflags)
test_unit_test_actor_LDADD = $(test_libs)
test_unit_test_agent_SOURCES = test/unit/test_agent.c
test_unit_test_agent_CPPFLAGS = $(test_cflags)
test_unit_test_agent_LDADD = $(test_libs)
test_unit_test_api_SOURCES = test/unit/test_api.c test/unit/http_server.h test/unit/http_server.c
test_unit_test_api_CPPFLAGS = $(test_cflags)
test_unit_test_api_LDADD = $(test_libs)
test_unit_test_args_SOURCES = test/unit/test_args.c
test_unit_test_args_CPPFLAGS = $(test_cflags)
test_unit_test_args_LDADD = libcli.a libsim.a $(test_libs) $(SMARTCOLS_LIBS)
test_unit_test_base_SOURCES = test/unit/test_base.c
test_unit_test_base_CPPFLAGS = $(test_cflags)
test_unit_test_base_LDADD = $(test_libs)
test_unit_test_baseline_SOURCES = test/unit/test_baseline.c test/unit/policy_world.h
test_unit_test_baseline_CPPFLAGS = $(test_cflags)
test_unit_test_baseline_LDADD = $(test_libs)
test_unit_test_basis_SOURCES = test/unit/test_basis.c test/unit/policy_world.h
test_unit_test_basis_CPPFLAGS = $(test_cflags)
test_unit_test_basis_LDADD = $(test_libs)
test_unit_test_behaviour_SOURCES = test/unit/test_behaviour.c
test_unit_test_behaviour_CPPFLAGS = $(test_cflags)
test_unit_test_behaviour_LDADD = $(test_libs)
test_unit_test_cloudsim_SOURCES = test/unit/test_cloudsim.c
test_unit_test_cloudsim_CPPFLAGS = $(test_cflags)
test_unit_test_cloudsim_LDADD = libsim.a $(test_libs)
test_unit_test_cluster_SOURCES = test/unit/test_cluster.c test/unit/http_server.h test/unit/http_server.c
test_unit_test_cluster_CPPFLAGS = $(test_cflags)
test_unit_test_cluster_LDADD = $(test_libs)
test_unit_test_config_SOURCES = test/unit/test_config.c
test_unit_test_config_CPPFLAGS = $(test_cflags)
test_unit_test_config_LDADD = $(test_libs)
test_unit_test_constraint_SOURCES = test/unit/test_constraint.c
test_unit_test_constraint_CPPFLAGS = $(test_cflags)
test_unit_test_constraint_LDADD = $(test_libs)
test_unit_test_decide_SOURCES = test/unit/test_decide.c test/unit/policy_world.h
test_unit_test_decide_CPPFLAGS = $(test_cflags)
test_unit_test_decide_LDADD = $(test_libs)
test_unit_test_decode_SOURCES = test/unit/test_decode.c
test_unit_test_decode_CPPFLAGS = $(test_cflags)
test_unit_test_decode_LDADD = $(test_libs)
test_unit_test_eligibility_SOURCES = test/unit/test_eligibility.c test/unit/swarm_world.h
test_unit_test_eligibility_CPPFLAGS = $(test_cflags)
test_unit_test_eligibility_LDADD = $(test_libs)
test_unit_test_filter_SOURCES = test/unit/test_filter.c test/unit/swarm_world.h
test_unit_test_filter_CPPFLAGS = $(test_cflags)
test_unit_test_filter_LDADD = $(test_libs)
test_unit_test_guard_SOURCES = test/unit/test_guard.c test/unit/policy_world.h
test_unit_test_guard_CPPFLAGS = $(test_cflags)
test_unit_test_guard_LDADD = $(test_libs)
test_unit_test_histogram_SOURCES = test/unit/test_histogram.c
test_unit_test_histogram_CPPFLAGS = $(test_cflags)
test_unit_test_histogram_LDADD = $(test_libs)
test_unit_test_http_SOURCES = test/unit/test_http.c test/unit/http_server.h test/unit/http_server.c
test_unit_test_http_CPPFLAGS = $(test_cflags)
test_unit_test_http_LDADD = $(test_libs)
test_unit_test_journal_SOURCES = test/unit/test_journal.c test/unit/store_fixture.h
test_unit_test_journal_CPPFLAGS = $(test_cflags)
test_unit_test_journal_LDADD = $(test_libs)
test_unit_test_keeper_SOURCES = test/unit/test_keeper.c test/unit/fake_swarm.h test/unit/fake_swarm.c test/unit/http_server.h test/unit/http_server.c
test_unit_test_keeper_CPPFLAGS = $(test_cflags)
test_unit_test_keeper_LDADD = $(test_libs)
test_unit_test_lease_SOURCES = test/unit/test_lease.c
test_unit_test_lease_CPPFLAGS = $(test_cflags)
test_unit_test_lease_LDADD = $(test_libs)
test_unit_test_linear_SOURCES = test/unit/test_linear.c test/unit/policy_world.h
test_unit_test_linear_CPPFLAGS = $(test_cflags)
test_unit_test_linear_LDADD = $(test_libs)
test_unit_test_mover_SOURCES = test/unit/test_mover.c test/unit/fake_swarm.h test/unit/fake_swarm.c test/unit/http_server.h test/unit/http_server.c \
	test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_CPPFLAGS = $(test_cflags)
test_unit_test_mover_LDADD = $(test_libs)
test_unit_test_mover_check_SOURCES = test/unit/test_mover_check.c test/unit/fake_swarm.h test/unit/fake_swarm.c \
	test/unit/http_server.h test/unit/http_server.c test/unit/mover_effects.h test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_check_CPPFLAGS = $(test_cflags)
test_unit_test_mover_check_LDADD = $(test_libs)
test_unit_test_mover_engine_SOURCES = test/unit/test_mover_engine.c test/unit/fake_swarm.h test/unit/fake_swarm.c \
	test/unit/http_server.h test/unit/http_server.c test/unit/mover_effects.h test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_engine_CPPFLAGS = $(test_cflags)
test_unit_test_mover_engine_LDADD = $(test_libs)
test_unit_test_mover_effects_SOURCES = test/unit/mover_effects.h test/unit/test_mover_effects.c test/unit/fake_swarm.h test/unit/fake_swarm.c \
	test/unit/http_server.h test/unit/http_server.c test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_effects_CPPFLAGS = $(test_cflags)
test_unit_test_mover_effects_LDADD = $(test_libs)
test_unit_test_mover_labels_SOURCES = test/unit/test_mover_labels.c test/unit/fake_swarm.h test/unit/fake_swarm.c \
	test/unit/http_server.h test/unit/http_server.c test/unit/mover_effects.h test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_labels_CPPFLAGS = $(test_cflags)
test_unit_test_mover_labels_LDADD = $(test_libs)
test_unit_test_mover_journal_SOURCES = test/unit/test_mover_journal.c test/unit/store_fixture.h
test_unit_test_mover_journal_CPPFLAGS = $(test_cflags)
test_unit_test_mover_journal_LDADD = $(test_libs)
test_unit_test_mover_judge_SOURCES = test/unit/test_mover_judge.c
test_unit_test_mover_premise_SOURCES = test/unit/test_mover_premise.c
test_unit_test_mover_premise_CPPFLAGS = $(test_cflags)
test_unit_test_mover_premise_LDADD = $(test_libs)
test_unit_test_mover_judge_CPPFLAGS = $(test_cflags)
test_unit_test_mover_judge_LDADD = $(test_libs)
test_unit_test_mover_kills_SOURCES = test/unit/test_mover_kills.c test/unit/mover_effects.h \
	test/unit/fake_swarm.h test/unit/fake_swarm.c test/unit/http_server.h test/unit/http_server.c \
	test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_kills_CPPFLAGS = $(test_cflags)
test_unit_test_mover_kills_LDADD = $(test_libs)
test_unit_test_mover_lease_SOURCES = test/unit/test_mover_lease.c test/unit/fake_swarm.h test/unit/fake_swarm.c \
	test/unit/http_server.h test/unit/http_server.c test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_lease_CPPFLAGS = $(test_cflags)
test_unit_test_mover_lease_LDADD = $(test_libs)
test_unit_test_mover_people_SOURCES = test/unit/test_mover_people.c test/unit/fake_swarm.h test/unit/fake_swarm.c \
	test/unit/http_server.h test/unit/http_server.c test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_people_CPPFLAGS = $(test_cflags)
test_unit_test_mover_people_LDADD = $(test_libs)
test_unit_test_mover_recover_SOURCES = test/unit/test_mover_recover.c test/unit/fake_swarm.h test/unit/fake_swarm.c \
	test/unit/http_server.h test/unit/http_server.c test/unit/mover_world.h test/unit/mover_world.c
test_unit_test_mover_recover_CPPFLAGS = $(test_cflags)
test_unit_test_mover_recover_LDADD = $(test_libs)
test_unit_test_mover_spec_SOURCES = test/unit/test_mover_spec.c test/unit/spec_docs.h
test_unit_test_mover_spec_CPPFLAGS = $(test_cflags)
test_unit_test_mover_spec_LDADD = $(test_libs)
test_unit_test_mover_table_SOURCES = test/unit/test_mover_table.c
test_unit_test_mover_table_CPPFLAGS = $(test_cflags)
test_unit_test_mover_table_LDADD = $(test_libs)
test_unit_test_lastword_SOURCES = test/unit/test_lastword.c
test_unit_test_lastword_CPPFLAGS = $(test_cflags)
test_unit_test_lastword_LDADD = $(test_libs)
test_unit_test_nocore_SOURCES = test/unit/test_nocore.c
test_unit_test_nocore_CPPFLAGS = $(test_cflags)
test_unit_test_nocore_LDADD = $(test_libs)
test_unit_test_notify_SOURCES = test/unit/test_notify.c
test_unit_test_notify_CPPFLAGS = $(test_cflags)
test_unit_test_notify_LDADD = $(test_libs)
test_unit_test_observe_SOURCES = test/unit/test_observe.c
test_unit_test_observe_CPPFLAGS = $(test_cflags)
test_unit_test_observe_LDADD = $(test_libs)
test_unit_test_order_SOURCES = test/unit/test_order.c test/unit/swarm_world.h
test_unit_test_order_CPPFLAGS = $(test_cflags)
test_unit_test_order_LDADD = $(test_libs)
test_unit_test_plan_SOURCES = test/unit/test_plan.c test/unit/policy_world.h
test_unit_test_plan_CPPFLAGS = $(test_cflags)
test_unit_test_plan_LDADD = $(test_libs)
test_unit_test_power_SOURCES = test/unit/test_power.c
test_unit_test_power_CPPFLAGS = $(test_cflags)
test_unit_test_power_LDADD = $(test_libs)
test_unit_test_profile_SOURCES = test/unit/test_profile.c
test_unit_test_profile_CPPFLAGS = $(test_cflags)
test_unit_test_profile_LDADD = $(test_libs)
test_unit_test_query_SOURCES = test/unit/test_query.c test/unit/store_fixture.h
test_unit_test_query_CPPFLAGS = $(test_cflags)
test_unit_test_query_LDADD = $(test_libs)
test_unit_test_request_SOURCES = test/unit/test_request.c test/unit/store_fixture.h
test_unit_test_request_CPPFLAGS = $(test_cflags)
test_unit_test_request_LDADD = $(test_libs)
test_unit_test_restore_SOURCES = test/unit/test_restore.c test/unit/store_fixture.h
test_unit_test_restore_CPPFLAGS = $(test_cflags)
test_unit_test_restore_LDADD = $(test_libs)
test_unit_test_reward_SOURCES = test/unit/test_reward.c test/unit/policy_world.h
test_unit_test_reward_CPPFLAGS = $(test_cflags)
test_unit_test_reward_LDADD = $(test_libs)
test_unit_test_sample_SOURCES = test/unit/test_sample.c
test_unit_test_sample_CPPFLAGS = $(test_cflags)
test_unit_test_sample_LDADD = $(test_libs)
test_unit_test_sampler_SOURCES = test/unit/test_sampler.c
test_unit_test_sampler_CPPFLAGS = $(test_cflags)
test_unit_test_sampler_LDADD = $(test_libs)
test_unit_test_schema_SOURCES = test/unit/test_schema.c test/unit/store_fixture.h
test_unit_test_schema_CPPFLAGS = $(test_cflags)
test_unit_test_schema_LDADD = $(test_libs)
test_unit_test_spec_SOURCES = test/unit/test_spec.c test/unit/spec_docs.h
test_unit_test_spec_CPPFLAGS = $(test_cflags)
test_unit_test_spec_LDADD = $(test_libs)
test_unit_test_spec_before_SOURCES = test/unit/test_spec_before.c test/unit/spec_docs.h
test_unit_test_spec_before_CPPFLAGS = $(test_cflags)
test_unit_test_spec_before_LDADD = $(test_libs)
test_unit_test_spec_forms_SOURCES = test/unit/test_spec_forms.c test/unit/spec_docs.h
test_unit_test_spec_forms_CPPFLAGS = $(test_cflags)
test_unit_test_spec_forms_LDADD = $(test_libs)
test_unit_test_spec_undo_SOURCES = test/unit/test_spec_undo.c test/unit/spec_docs.h
test_unit_test_spec_undo_CPPFLAGS = $(test_cflags)
test_unit_test_spec_undo_LDADD = $(test_libs)
test_unit_test_steer_SOURCES = test/unit/test_steer.c test/unit/swarm_world.h
test_unit_test_steer_CPPFLAGS = $(test_cflags)
test_unit_test_steer_LDADD = $(test_libs)
test_unit_test_store_SOURCES = test/unit/test_store.c test/unit/store_fixture.h
test_unit_test_store_CPPFLAGS = $(test_cflags)
test_unit_test_store_LDADD = $(test_libs)
test_unit_test_text_SOURCES = test/unit/test_text.c
test_unit_test_text_CPPFLAGS = $(test_cflags)
test_unit_test_text_LDADD = libcli.a libsim.a $(test_libs) $(SMARTCOLS_LIBS)
test_unit_test_traffic_SOURCES = test/unit/test_traffic.c
test_unit_test_traffic_CPPFLAGS = $(test_cflags)
test_unit_test_traffic_LDADD = $(test_libs)
test_unit_test_window_SOURCES = test/unit/test_window.c
test_unit_test_window_CPPFLAGS = $(test_cflags)
test_unit_test_window_LDADD = $(test_libs)
test_unit_test_wishes_SOURCES = test/unit/test_wishes.c test/unit/store_fixture.h
test_unit_test_wishes_CPPFLAGS = $(test_cflags)
test_unit_test_wishes_LDADD = $(test_libs)
test_unit_test_writer_SOURCES = test/unit/test_writer.c
test_unit_test_writer_CPPFLAGS = $(test_cflags)
test_unit_test_writer_LDADD = $(test_libs)
endif

EXTRA_DIST += \
	test/unit/fake_swarm.h \
	test/unit/http_server.h \
	test/unit/mover_effects.h \
	test/unit/policy_world.h \
	test/unit/spec_docs.h \
	test/unit/store_fixture.h \
	test/unit/swarm_world.h \
	test/unit/fake_swarm.c \
	test/unit/http_server.c
