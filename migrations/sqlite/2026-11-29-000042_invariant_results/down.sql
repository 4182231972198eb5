DROP TABLE invariant_results;
