DROP TABLE defect_assessments;
DROP TABLE quality_reviews;
DROP TABLE takeovers;
DROP TABLE job_pauses;
DROP TABLE job_cleanings;
DROP TABLE job_counters;
DROP TABLE jobs;
